"""Every sentence a person reads in a check, a comment or ``lockgate explain``."""

"""The rules for migrations: a part of the catalogue that is loaded without the rest of it."""

from bot.core.migrations.rules.applied_file_edited import APPLIED_FILE_EDITED
from bot.core.migrations.rules.attach_partition_scan import ATTACH_PARTITION_SCAN
from bot.core.migrations.rules.check_not_valid import CHECK_NOT_VALID
from bot.core.migrations.rules.column_type_rewrite import COLUMN_TYPE_REWRITE
from bot.core.migrations.rules.concurrently_alone import CONCURRENTLY_ALONE
from bot.core.migrations.rules.dynamic_sql import DYNAMIC_SQL
from bot.core.migrations.rules.foreign_key_not_valid import FOREIGN_KEY_NOT_VALID
from bot.core.migrations.rules.grant_to_public import GRANT_TO_PUBLIC
from bot.core.migrations.rules.index_concurrently import INDEX_CONCURRENTLY
from bot.core.migrations.rules.lock_table import LOCK_TABLE
from bot.core.migrations.rules.lock_timeout import LOCK_TIMEOUT
from bot.core.migrations.rules.locks_two_tables import LOCKS_TWO_TABLES
from bot.core.migrations.rules.phase_mistake import PHASE_MISTAKE
from bot.core.migrations.rules.phase_unmarked import PHASE_UNMARKED
from bot.core.migrations.rules.refresh_concurrently import REFRESH_CONCURRENTLY
from bot.core.migrations.rules.rule import Rule as MigrationRule
from bot.core.migrations.rules.set_not_null import SET_NOT_NULL
from bot.core.migrations.rules.table_rewrite import TABLE_REWRITE
from bot.core.migrations.rules.table_without_policy import TABLE_WITHOUT_POLICY
from bot.core.migrations.rules.table_without_rls import TABLE_WITHOUT_RLS
from bot.core.migrations.rules.truncate import TRUNCATE
from bot.core.migrations.rules.unbatched_write import UNBATCHED_WRITE
from bot.core.migrations.rules.unique_using_index import UNIQUE_USING_INDEX
from bot.core.migrations.rules.validate_apart import VALIDATE_APART
from bot.core.migrations.rules.version_order import VERSION_ORDER
from bot.core.migrations.rules.volatile_default import VOLATILE_DEFAULT

MIGRATION_RULES: tuple[MigrationRule, ...] = (
    APPLIED_FILE_EDITED,
    VERSION_ORDER,
    PHASE_UNMARKED,
    PHASE_MISTAKE,
    CONCURRENTLY_ALONE,
    LOCK_TIMEOUT,
    LOCK_TABLE,
    LOCKS_TWO_TABLES,
    INDEX_CONCURRENTLY,
    SET_NOT_NULL,
    CHECK_NOT_VALID,
    FOREIGN_KEY_NOT_VALID,
    UNIQUE_USING_INDEX,
    VALIDATE_APART,
    VOLATILE_DEFAULT,
    COLUMN_TYPE_REWRITE,
    TABLE_REWRITE,
    ATTACH_PARTITION_SCAN,
    REFRESH_CONCURRENTLY,
    UNBATCHED_WRITE,
    TRUNCATE,
    DYNAMIC_SQL,
    TABLE_WITHOUT_RLS,
    TABLE_WITHOUT_POLICY,
    GRANT_TO_PUBLIC,
)
"""In the order in which findings of one line are told."""

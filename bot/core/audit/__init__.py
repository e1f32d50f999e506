"""The audit log's tree, entries, checkpoints and their verification."""

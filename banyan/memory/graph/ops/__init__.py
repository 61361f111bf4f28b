"""What the edits do: each operation is a function of an `Edit`, which reads its fields and changes the workspace."""

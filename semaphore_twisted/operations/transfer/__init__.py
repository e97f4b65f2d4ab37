"""A project as a file: writes its backup, and creates a project from one."""

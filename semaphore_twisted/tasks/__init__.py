"""The task service: queues tasks, runs their jobs, and stores output and status."""

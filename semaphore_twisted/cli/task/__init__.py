"""The commands ``semaphore task …`` and the client of the API that they use."""

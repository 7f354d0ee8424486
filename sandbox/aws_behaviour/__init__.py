"""MiniStack, together with the behaviour of Amazon S3 and AWS KMS that it lacks.

Everything runs in one process: `launcher` prepares the environment, `patches`
replaces a few functions of the installed MiniStack, and MiniStack serves.
"""

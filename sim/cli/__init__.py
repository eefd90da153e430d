"""The `mrcpsim` command: arguments in, exit codes out; one module a command."""

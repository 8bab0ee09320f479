"""What a process has logged and the server does not have yet: files that outlive the process, and what sends them.

The room of each module: `frames` (bytes of a record), `segments` (files that are written through memory), `head` (what
is sent so far, and the lock), `folders` (where all that is), `writer` (appends), `batches` (records into messages),
`sender` (ships one log), `rejected` (what the server refused), `leftovers` (logs of processes that have ended).
"""

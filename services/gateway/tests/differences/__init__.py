"""The same requests to a real MLflow server and to the gateway, and what differs between the answers.

Cases are data: a module has some groups of them. `known` has the differences that are meant.

What MLflow's client does by several requests is in `client_cases_program.py`, beside this package: batches that it
splits, files, models that it registers, copies and loads. Not here are:

- files on the wire, ranges, headers, multipart and presigned transfers: they depend on where a server keeps files;
- GraphQL, which only MLflow's own pages call;
- traces, prompts' registries and evaluation datasets, which are not part of Trivet;
- webhooks, which reach out to other hosts.
"""

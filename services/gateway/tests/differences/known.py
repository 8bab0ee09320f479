"""What differs on purpose: `docs/mlflow.md` has the reasons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

DIFFERENCES: Final[Mapping[str, Mapping[str, Mapping[str, str]]]] = {
    "Names": {
        "names of experiments": {
            "EXPNAME ' '": "200 {'experiment_id': 'an id'} | 400 INVALID_PARAMETER_VALUE",
            "EXPNAME a newline": "200 {'experiment_id': 'an id'} | 400 INVALID_PARAMETER_VALUE",
        },
        "metrics": {
            "METRIC KEY ' '": "200 | 400 INVALID_PARAMETER_VALUE",
        },
        "params": {
            "PARAM KEY ' '": "200 | 400 INVALID_PARAMETER_VALUE",
        },
        "tags of runs": {
            "TAG KEY ' '": "200 | 400 INVALID_PARAMETER_VALUE",
        },
        "bytes on the wire": {
            "NUL": "200 {'experiment_id': 'an id'} | 400 INVALID_PARAMETER_VALUE",
        },
        "aliases": {
            "ALIAS 'é'": "200 | 400 INVALID_PARAMETER_VALUE",
        },
        "registered models": {
            "RMNAME 'a\\nb'": (
                "200 {'registered_model': {'name': 'models a\\nb', 'creation_timestamp': 'now', 'last_upda"
                "ted_timestamp': 'now'}} | 400 INVALID_PARAMETER_VALUE"
            ),
        },
    },
    "Ids that nothing can have": {
        "names of experiments": {
            "get a negative one": "404 RESOURCE_DOES_NOT_EXIST | 400 INVALID_PARAMETER_VALUE",
        },
        "changing runs": {
            "UPDATE strange id": "404 RESOURCE_DOES_NOT_EXIST | 400 INVALID_PARAMETER_VALUE",
            "get strange": "404 RESOURCE_DOES_NOT_EXIST | 400 INVALID_PARAMETER_VALUE",
        },
        "metrics": {
            "metric run of strange id": "404 RESOURCE_DOES_NOT_EXIST | 400 INVALID_PARAMETER_VALUE",
        },
    },
    "Clearer codes": {
        "states of experiments": {
            "rename dup": "400 BAD_REQUEST | 400 RESOURCE_ALREADY_EXISTS",
        },
        "logged models": {
            "params changed": "400 BAD_REQUEST | 400 INVALID_PARAMETER_VALUE",
        },
    },
    "Deleting and restoring twice": {
        "states of experiments": {
            "delete exp twice": "404 RESOURCE_DOES_NOT_EXIST | 200",
            "restore exp twice": "404 RESOURCE_DOES_NOT_EXIST | 200",
        },
    },
    "Values that cannot be read": {
        "states of experiments": {
            "view unknown": "200 ['states-other'] | 400 INVALID_PARAMETER_VALUE",
        },
        "creating runs": {
            "CREATE tags no list": "200 | 400 INVALID_PARAMETER_VALUE",
            "CREATE start float": "200 | 400 INVALID_PARAMETER_VALUE",
        },
        "changing runs": {
            "UPDATE number of many digits": "200 | 400 INVALID_PARAMETER_VALUE",
            "UPDATE lower case": "200 | 400 INVALID_PARAMETER_VALUE",
            "UPDATE unknown": "200 | 400 INVALID_PARAMETER_VALUE",
        },
        "states of runs": {
            "search SOME": "200 ['stays'] | 400 INVALID_PARAMETER_VALUE",
        },
        "metrics": {
            "metric bool": "200 | 400 INVALID_PARAMETER_VALUE",
            "metric float step": "200 | 400 INVALID_PARAMETER_VALUE",
            "metric too large step": "200 | 400 INVALID_PARAMETER_VALUE",
            "metric ts float": "200 | 400 INVALID_PARAMETER_VALUE",
        },
        "latest values and histories": {
            "history max x": "200 | 400 INVALID_PARAMETER_VALUE",
        },
        "batches": {
            "a metric with a bad value": "200 | 400 INVALID_PARAMETER_VALUE",
            "param number": "200 | 400 INVALID_PARAMETER_VALUE",
            "raw metric string value": "200 | 400 INVALID_PARAMETER_VALUE",
        },
        "pages of runs": {
            "max 1.5": "200 ['p9', 'p5', 'p4', 'p3', 'p2', 'p1'] | 400 INVALID_PARAMETER_VALUE",
            "search number experiment id": "200 | 400 INVALID_PARAMETER_VALUE",
        },
        "logged models": {
            "status unknown": "200 | 400 INVALID_PARAMETER_VALUE",
        },
    },
    "Restoring an experiment": {
        "states of experiments": {
            "runs of a restored one": "['states-deleted', 'states-run'] | ['states-run']",
        },
    },
    "The experiment `Default`": {
        "states of experiments": {
            "delete default exp": "200 | 400 INVALID_PARAMETER_VALUE",
        },
    },
    "More filters and orders": {
        "searching experiments": {
            "EXPFILTER name IN ('experiments-edge', 'x')": ("400 INVALID_PARAMETER_VALUE | 200 ['experiments-edge']"),
            "EXPFILTER attributes.name = 'experiments-edge'": (
                "400 INVALID_PARAMETER_VALUE | 200 ['experiments-edge']"
            ),
            "EXPFILTER attr.name = 'experiments-edge'": "400 INVALID_PARAMETER_VALUE | 200 ['experiments-edge']",
            "EXPFILTER creation_time BETWEEN 0 AND 1": "400 INVALID_PARAMETER_VALUE | 200",
            "EXPFILTER tags.a IN ('b')": "400 INVALID_PARAMETER_VALUE | 200 ['experiments-edge']",
            "EXPFILTER experiment_id = 'x'": "400 INVALID_PARAMETER_VALUE | 200",
            "EXPFILTER experiment_id LIKE '$first'": "400 INVALID_PARAMETER_VALUE | 200 ['experiments-edge']",
            "EXPFILTER name = 'x' OR name = 'y'": "400 INVALID_PARAMETER_VALUE | 200",
            "EXPFILTER NOT name = 'x'": (
                "400 INVALID_PARAMETER_VALUE | 200 ['experiments-Exp', 'experiments-b', 'experiments-edge']"
            ),
            "EXPFILTER (name = 'x')": "400 INVALID_PARAMETER_VALUE | 200",
        },
        "filters and orders of runs": {
            "FILTER metrics.rmse > +1": "400 INVALID_PARAMETER_VALUE | 200 ['edge1', 'r4']",
            "FILTER metrics.rmse IS NULL": "400 INVALID_PARAMETER_VALUE | 200 ['r3none']",
            "FILTER metrics.rmse IS NOT NULL": "400 INVALID_PARAMETER_VALUE | 200 ['edge1', 'r2nan', 'r4']",
            "FILTER metrics.rmse BETWEEN 1 AND 2": "400 INVALID_PARAMETER_VALUE | 200 ['edge1']",
            "FILTER metrics.rmse IN (1.5)": "400 INVALID_PARAMETER_VALUE | 200 ['edge1']",
            "FILTER params.lr=0.1": "400 INVALID_PARAMETER_VALUE | 200 ['edge1']",
            "FILTER params.lr IN ('0.1')": "400 INVALID_PARAMETER_VALUE | 200 ['edge1']",
            "FILTER attributes.status IN ('RUNNING')": (
                "400 INVALID_PARAMETER_VALUE | 200 ['edge1', 'r2nan', 'r3none']"
            ),
            "FILTER end_time IS NULL": "400 INVALID_PARAMETER_VALUE | 200 ['edge1', 'r2nan', 'r3none']",
            "FILTER run_name IN ('edge1')": "400 INVALID_PARAMETER_VALUE | 200 ['edge1']",
            "FILTER metrics.rmse < 7 OR params.lr = '0.1'": "400 INVALID_PARAMETER_VALUE | 200 ['edge1']",
            "FILTER NOT metrics.rmse < 7": "400 INVALID_PARAMETER_VALUE | 200 ['r2nan', 'r3none', 'r4']",
            "FILTER (metrics.rmse < 7)": "400 INVALID_PARAMETER_VALUE | 200 ['edge1']",
            "FILTER duration > 1": "400 INVALID_PARAMETER_VALUE | 200 ['r4']",
            "ORDER ['`run name`']": "400 INVALID_PARAMETER_VALUE | 200 ['edge1', 'r2nan', 'r3none', 'r4']",
            "ORDER ['metrics.rmse ASC, params.n']": (
                "400 INVALID_PARAMETER_VALUE | 200 ['edge1', 'r4', 'r2nan', 'r3none']"
            ),
            "ORDER ['duration']": "400 INVALID_PARAMETER_VALUE | 200 ['r4', 'r3none', 'r2nan', 'edge1']",
        },
        "searching models and versions": {
            "RMFILTER tags.a IS NULL": "500 | 200 ['found-m']",
            "RMFILTER creation_timestamp>0": (
                "400 INVALID_PARAMETER_VALUE | 200 ['found-RM2', 'found-m', 'found-rm1']"
            ),
            "RMFILTER last_updated_timestamp>0": (
                "400 INVALID_PARAMETER_VALUE | 200 ['found-RM2', 'found-m', 'found-rm1']"
            ),
            "RMFILTER name = 'x' OR name = 'y'": "400 INVALID_PARAMETER_VALUE | 200",
            "RMORDER ['creation_timestamp ASC']": (
                "400 INVALID_PARAMETER_VALUE | 200 ['found-rm1', 'found-m', 'found-RM2']"
            ),
            "MVFILTER tags.k IS NULL": "500 | 200 ['1', '3']",
            "MVFILTER creation_timestamp > 0": "400 INVALID_PARAMETER_VALUE | 200 ['1', '1', '2', '3']",
            "MVFILTER last_updated_timestamp > 0": "400 INVALID_PARAMETER_VALUE | 200 ['1', '1', '2', '3']",
            "MVFILTER name = 'x' OR name = 'y'": "400 INVALID_PARAMETER_VALUE | 200",
            "mv order ['run_id', 'version_number']": (
                "400 INVALID_PARAMETER_VALUE | 200 ['s3://b/k', 'mlflow-artifacts:/$experiment/$run/artif"
                "acts/mymodel', 'runs:/$run/mymodel']"
            ),
            "mv order ['source_path']": (
                "400 INVALID_PARAMETER_VALUE | 200 ['s3://b/k', 'runs:/$run/mymodel', 'mlflow-artifacts:/"
                "$experiment/$run/artifacts/mymodel']"
            ),
        },
        "searching logged models": {
            "LMFILTER tags.`mlflow.user` IS NULL": "400 INVALID_PARAMETER_VALUE | 200 ['model']",
            "LMFILTER last_updated_time > 0": ("400 INVALID_PARAMETER_VALUE | 200 ['Other', 'model', 'models_mlflow']"),
            "LMFILTER name = 'model' OR name = 'x'": "400 INVALID_PARAMETER_VALUE | 200 ['model']",
            "lm order (('params.b', True),)": ("400 INVALID_PARAMETER_VALUE | 200 ['model', 'Other', 'models_mlflow']"),
            "lm order (('tags.a', True),)": ("400 INVALID_PARAMETER_VALUE | 200 ['Other', 'models_mlflow', 'model']"),
        },
    },
    "What may be left out": {
        "searching datasets": {
            "DATASETS of a text": "400 INVALID_PARAMETER_VALUE | 200 ['bare', 'one', 'two']",
        },
        "searching experiments": {
            "EXPFILTER spaces": "400 INVALID_PARAMETER_VALUE | 200",
            "max missing": (
                "400 INVALID_PARAMETER_VALUE | 200 ['experiments-b', 'experiments-Exp', 'experiments-edge']"
            ),
        },
        "creating runs": {
            "CREATE tags twice": "400 BAD_REQUEST | 200",
            "CREATE no start": ".run.info.start_time: 0 | now",
            "CREATE experiment missing": "400 BAD_REQUEST | 200 0",
        },
        "states of runs": {
            "delete by run_uuid": "404 RESOURCE_DOES_NOT_EXIST | 200",
        },
        "filters and orders of runs": {
            "FILTER    ": "400 INVALID_PARAMETER_VALUE | 200 ['edge1', 'r2nan', 'r3none', 'r4']",
            "ORDER ['']": "400 INVALID_PARAMETER_VALUE | 200 ['r4', 'r3none', 'r2nan', 'edge1']",
            "ORDER a text": "400 INVALID_PARAMETER_VALUE | 200 ['edge1', 'r2nan', 'r3none', 'r4']",
        },
        "pages of runs": {
            "search str experiment id": "400 INVALID_PARAMETER_VALUE | 200 ['p9', 'p5', 'p4', 'p3', 'p2', 'p1']",
        },
        "versions of models": {
            "tag mv, number": "400 INVALID_PARAMETER_VALUE | 200",
        },
    },
    "Filters and orders that are none": {
        "searching experiments": {
            "EXPORDER name, name DESC": (
                "200 ['experiments-Exp', 'experiments-b', 'experiments-edge'] | 400 INVALID_PARAMETER_VALUE"
            ),
        },
        "filters and orders of runs": {
            "FILTER metrics.'a b/c' >= 3": "200 ['edge1'] | 400 INVALID_PARAMETER_VALUE",
            "FILTER attributes.status = 'running'": "200 | 400 INVALID_PARAMETER_VALUE",
            "FILTER status = 'NEVER'": "200 | 400 INVALID_PARAMETER_VALUE",
            "FILTER start_time > 1.5": "200 ['edge1', 'r2nan', 'r3none', 'r4'] | 400 INVALID_PARAMETER_VALUE",
            "FILTER metrics.rmse < 7 AND": "200 ['edge1'] | 400 INVALID_PARAMETER_VALUE",
            "FILTER AND metrics.rmse < 7": "200 ['edge1'] | 400 INVALID_PARAMETER_VALUE",
            "FILTER metrics. = 1": "200 | 400 INVALID_PARAMETER_VALUE",
        },
        "searching models and versions": {
            "MVFILTER version_number = '1'": "200 ['1', '1'] | 400 INVALID_PARAMETER_VALUE",
        },
        "searching logged models": {
            "LMFILTER experiment_id = '1'": "200 | 400 INVALID_PARAMETER_VALUE",
            "lm order (('name', True), ('name', False))": (
                "200 ['Other', 'model', 'models_mlflow'] | 400 INVALID_PARAMETER_VALUE"
            ),
        },
    },
    "The user of a run": {
        "creating runs": {
            "CREATE named": (
                ".run.data.tags: [{'key': 'mlflow.runName', 'value': 'edge1'}] | [{'key': 'mlflow.runName"
                "', 'value': 'edge1'}, {'key': 'mlflow.user', 'value': 'ada'}]"
            ),
            "CREATE tag for a user": ".run.info.user_id:  | eve",
        },
        "changing runs": {
            "by run_uuid alone": (
                ".run.data.tags: [{'key': 'mlflow.user', 'value': 'eve'}] | [{'key': 'mlflow.runName', 'v"
                "alue': 'by tag'}, {'key': 'mlflow.user', 'value': 'eve'}]"
            ),
            "by both": (
                ".run.data.tags: [{'key': 'mlflow.user', 'value': 'eve'}] | [{'key': 'mlflow.runName', 'v"
                "alue': 'by tag'}, {'key': 'mlflow.user', 'value': 'eve'}]"
            ),
        },
        "filters and orders of runs": {
            "run r2nan": (
                ".run.data.tags: [{'key': 'mlflow.runName', 'value': 'r2nan'}] | [{'key': 'mlflow.runName"
                "', 'value': 'r2nan'}, {'key': 'mlflow.user', 'value': 'ada'}]"
            ),
        },
    },
    "What must be there": {
        "creating runs": {
            "CREATE tag without a key": "200 | 400 INVALID_PARAMETER_VALUE",
            "CREATE tag with an empty key": "200 | 400 INVALID_PARAMETER_VALUE",
        },
        "datasets of runs": {
            "no name": "200 | 400 INVALID_PARAMETER_VALUE",
            "no digest": "200 | 400 INVALID_PARAMETER_VALUE",
            "no dataset": "200 | 400 INVALID_PARAMETER_VALUE",
            "names": (
                "['', '', 'bare', 'digest', 'ds', 'ds', 'ds', 'key255', 'many0', 'many1', 'many10', 'many"
                "100', 'many1000', 'many101', 'many102', 'many103', 'many104', 'many105', 'many106', 'man"
                "y107', 'many108', 'many1… | ['bare', 'digest', 'ds', 'ds', 'key255', 'nnnnnnnnnnnnnnnnnn"
                "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
                "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn…"
            ),
        },
        "logged models": {
            "tags with an empty key": "200 | 400 INVALID_PARAMETER_VALUE",
        },
    },
    "Limits": {
        "creating runs": {
            "CREATE tag key 251": "200 | 400 INVALID_PARAMETER_VALUE",
            "CREATE name 501": "200 | 400 INVALID_PARAMETER_VALUE",
            "CREATE start -1": "200 | 400 INVALID_PARAMETER_VALUE",
            "CREATE user 300": "200 | 400 INVALID_PARAMETER_VALUE",
        },
        "changing runs": {
            "UPDATE end -1": "200 | 400 INVALID_PARAMETER_VALUE",
        },
        "params": {
            "param 6000 of three bytes": "200 | 400 INVALID_PARAMETER_VALUE",
        },
        "datasets of runs": {
            "1001 datasets": "200 | 400 INVALID_PARAMETER_VALUE",
        },
        "registered models": {
            "RMNAME 256": "200 | 400 INVALID_PARAMETER_VALUE",
            "RMNAME 300": "200 | 400 INVALID_PARAMETER_VALUE",
        },
        "searching models and versions": {
            "rm max 0": "200 | 400 INVALID_PARAMETER_VALUE",
            "rm max -1": "200 | 400 INVALID_PARAMETER_VALUE",
        },
        "logged models": {
            "create with a param key 251": "200 | 400 INVALID_PARAMETER_VALUE",
        },
        "searching logged models": {
            "lm max 0": "200 ['Other', 'models_mlflow', 'model'] | 400 INVALID_PARAMETER_VALUE",
            "lm max -1": "200 | 400 INVALID_PARAMETER_VALUE",
        },
    },
    "The name of a run": {
        "changing runs": {
            "get without the note": ".run.data.tags: - | [{'key': 'mlflow.runName', 'value': 'by tag'}]",
            "get with another user": (
                ".run.data.tags: [{'key': 'mlflow.user', 'value': 'eve'}] | [{'key': 'mlflow.runName', 'v"
                "alue': 'by tag'}, {'key': 'mlflow.user', 'value': 'eve'}]"
            ),
        },
    },
    "Long values": {
        "params": {
            "get with one cut": (
                "[{'key': 'mlflow.runName', 'value': 'params of any value'}] | [{'key': 'mlflow.runName',"
                " 'value': 'params of any value'}, {'key': 'trivet.mlflow.cut', 'value': 'params.long had"
                " 6001 characters, and has 6000'}]"
            ),
        },
        "tags of runs": {
            "get with one cut": (
                "[{'key': 'a', 'value': '2'}, {'key': 'b', 'value': ''}, {'key': 'long', 'value': 'xxxxxx"
                "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                "xxxxxxxxxxxxxxxxxxxxxxxx… | [{'key': 'a', 'value': '2'}, {'key': 'b', 'value': ''}, {'ke"
                "y': 'long', 'value': 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…"
            ),
        },
    },
    "Infinities in filters": {
        "filters and orders of runs": {
            "FILTER metrics.rmse = 1.7976931348623157e308": "['r4'] | None",
        },
    },
    "Page tokens": {
        "pages of runs": {
            "page2 after an insert": "['p4', 'p3'] | ['p3', 'p2']",
            "token of base64": "200 ['p4', 'p3', 'p2', 'p1'] | 400 INVALID_PARAMETER_VALUE",
        },
    },
    "Files of versions": {
        "versions of models": {
            "create mv missing files": "200 | 400 INVALID_PARAMETER_VALUE",
        },
    },
    "Empty descriptions": {
        "versions of models": {
            "describe mv by nothing": ".model_version.description: - | ",
            "get mv with tags": ".model_version.description: - | ",
        },
    },
    "Saying the same again": {
        "logged models": {
            "log to a missing one": "400 BAD_REQUEST | 200",
            "params again": "400 BAD_REQUEST | 200",
            "outputs again": "400 BAD_REQUEST | 200",
        },
    },
    "Deleting a logged model twice": {
        "logged models": {
            "delete twice": "200 | 404 RESOURCE_DOES_NOT_EXIST",
        },
    },
    "The status of logged models": {
        "searching logged models": {
            "LMFILTER status = 'READY'": "None | ['model']",
            "LMFILTER status = 'PENDING'": "None | ['Other', 'models_mlflow']",
        },
    },
}
"""By the reason, then the group, then the case: what upstream answers and what we do, as `told` tells it."""

"""How versions are promoted in a workspace: its stages, and what is protected."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from google.protobuf.field_mask_pb2 import FieldMask

from trivet._connection import Connection
from trivet._errors import Conflict
from trivet._model_entities import PromotionRules
from trivet._names import Names
from trivet._registry_messages import from_rules
from trivet_proto.registry.v1 import promotion_rules_pb2 as pb
from trivet_proto.registry.v1.registry_service_pb2_grpc import RegistryServiceStub

_TRIES = 5


class Promotion:
    """The promotion rules of one workspace.

    Every method calls the server and waits. Each may raise a `TrivetError`: ServerUnavailable where no server answers,
    else the class of what went wrong.

    Safe for use by several threads, and in the child after a fork.
    """

    def __init__(self, connection: Connection, names: Names) -> None:
        self._connection = connection
        self._names = names

    @property
    def _stub(self) -> RegistryServiceStub:
        return self._connection.stub(RegistryServiceStub)

    def get_rules(self) -> PromotionRules:
        """Returns the stages of the workspace, and what is protected."""
        request = pb.GetPromotionRulesRequest(workspace=self._names.parent)
        return from_rules(self._connection.call(self._stub.GetPromotionRules, request, repeatable=True))

    def update_rules(
        self,
        *,
        stages: Sequence[str] | None = None,
        protected_stages: Sequence[str] | None = None,
        protected_aliases: Sequence[str] | None = None,
        stage_approvals: Mapping[str, int] | None = None,
        alias_approvals: Mapping[str, int] | None = None,
        etag: str = "",
    ) -> PromotionRules:
        """Changes what is given, and returns the rules.

        Args:
            stages: In their order: `None` first, `Archived` last. Default: as they are.
            protected_stages: Those that no version may enter or leave but by a promotion request, nor be deleted in.
                Default: as they are.
            protected_aliases: Those that can neither be set nor removed but by a promotion request. Default: as they
                are.
            stage_approvals: How many others have to approve, for each of the protected stages: from 1 to 10. Those that
                are left out are frozen: nothing moves until somebody changes the rules. Default: as they are.
            alias_approvals: The same of the protected aliases.
            etag: Only if the rules have not changed since.

        Raises:
            InvalidArgument: something cannot be a stage or an alias, or is none of the stages.
            StageInUse: a version is in a stage that is left out.
            FailedPrecondition: the server's policy file sets it.
            Conflict: the rules have changed since.
        """
        given = {
            "stages": stages,
            "protected_stages": protected_stages,
            "protected_aliases": protected_aliases,
            "stage_approvals": stage_approvals,
            "alias_approvals": alias_approvals,
        }
        rules = pb.PromotionRules(
            workspace=self._names.parent,
            stages=stages or (),
            protected_stages=protected_stages or (),
            protected_aliases=protected_aliases or (),
            stage_approvals=stage_approvals or {},
            alias_approvals=alias_approvals or {},
            etag=etag,
        )
        mask = FieldMask(paths=[field for field, value in given.items() if value is not None])
        request = pb.UpdatePromotionRulesRequest(rules=rules, update_mask=mask)
        return from_rules(self._connection.call(self._stub.UpdatePromotionRules, request, repeatable=False))

    def protect(
        self, *, stages: Sequence[str] = (), aliases: Sequence[str] = (), approvals: int | None = None
    ) -> PromotionRules:
        """Protects stages and aliases besides those that are, and returns the rules. Raises as `update_rules`.

        Args:
            stages: What to protect; case does not count. Those that are protected already are no fault.
            aliases: What to protect.
            approvals: How many others have to approve a change of these: from 1 to 10; 0: they are frozen. Default: as
                it is for those that are protected already, and frozen for the others.
        """

        def change(rules: PromotionRules) -> PromotionRules:
            others = _others(tuple(rules.stage_approvals), stages)
            stage_approvals = {stage: rules.stage_approvals[stage] for stage in others}
            stage_approvals |= dict.fromkeys(stages, approvals or 0)
            alias_approvals = {**rules.alias_approvals, **dict.fromkeys(aliases, approvals or 0)}
            return self.update_rules(
                protected_stages=[*rules.protected_stages, *_others(stages, rules.protected_stages)]
                if stages
                else None,
                protected_aliases=(
                    [*rules.protected_aliases, *_others(aliases, rules.protected_aliases)] if aliases else None
                ),
                stage_approvals=stage_approvals if stages and approvals is not None else None,
                alias_approvals=alias_approvals if aliases and approvals is not None else None,
                etag=rules.etag,
            )

        return self._change(change)

    def unprotect(self, *, stages: Sequence[str] = (), aliases: Sequence[str] = ()) -> PromotionRules:
        """Protects stages and aliases no longer, and returns the rules; those that are not protected are no fault."""
        return self._change(
            lambda rules: self.update_rules(
                protected_stages=_others(rules.protected_stages, stages) if stages else None,
                protected_aliases=(
                    [alias for alias in rules.protected_aliases if alias not in aliases] if aliases else None
                ),
                etag=rules.etag,
            )
        )

    def _change(self, change: Callable[[PromotionRules], PromotionRules]) -> PromotionRules:
        """Changes the rules by what they are, again where somebody else was faster."""
        for left in reversed(range(_TRIES)):
            try:
                return change(self.get_rules())
            except Conflict:
                if not left:
                    raise
        raise AssertionError("the last try returns or raises")


def _others(names: Sequence[str], known: Sequence[str]) -> list[str]:
    """Those of the names that are not known, in whatever case."""
    folded = {name.lower() for name in known}
    return [name for name in names if name.lower() not in folded]

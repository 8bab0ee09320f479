import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";

import { PromotionApprovalSchema } from "~/api/gen/trivet/registry/v1/promotion_request_pb";
import { decidingOf } from "~/features/models/deciding";

const WRITER = ["READ", "WRITE"];
const APPROVER = ["READ", "APPROVE"];
const ADMIN = ["READ", "WRITE", "MAINTAIN", "APPROVE", "ADMIN"];

const named = (subject: string) => ({ subject, authenticated: true });
const asked = (createdBy: string, requiredApprovals: number, ...approvers: string[]) => ({
  createdBy,
  requiredApprovals,
  approvals: approvers.map((approver) => create(PromotionApprovalSchema, { approver })),
});

describe("what somebody may decide about a request", () => {
  test("another approver approves or rejects it, and does not take it back", () => {
    expect(decidingOf(asked("ann", 2), named("bob"), APPROVER)).toEqual({
      decisions: ["approve", "reject"],
      whyNot: "",
    });
    expect(decidingOf(asked("ann", 2, "cat"), named("bob"), ADMIN).decisions).toEqual(["approve", "reject"]);
  });

  test("who asked takes it back, whatever else they may do", () => {
    for (const permissions of [WRITER, ADMIN]) {
      const { decisions, whyNot } = decidingOf(asked("ann", 1), named("ann"), permissions);
      expect(decisions).toEqual(["withdraw"]);
      expect(whyNot).toContain("You asked for it");
    }
    expect(decidingOf(asked("ann", 1), named("ann"), APPROVER).decisions).toEqual([]);
  });

  test("who is no approver is told who is", () => {
    for (const permissions of [[], ["READ"], WRITER]) {
      const { decisions, whyNot } = decidingOf(asked("ann", 1), named("bob"), permissions);
      expect(decisions).toEqual([]);
      expect(whyNot).toContain("APPROVE");
    }
  });

  test("who has approved may still reject, and lets it through where that is enough by now", () => {
    const { decisions, whyNot } = decidingOf(asked("ann", 2, "bob"), named("bob"), APPROVER);
    expect(decisions).toEqual(["reject"]);
    expect(whyNot).toContain("You have approved it");
    expect(decidingOf(asked("ann", 1, "bob"), named("bob"), APPROVER).decisions).toEqual(["approve", "reject"]);
  });

  test("what is frozen is rejected at most", () => {
    const { decisions, whyNot } = decidingOf(asked("ann", 0), named("bob"), APPROVER);
    expect(decisions).toEqual(["reject"]);
    expect(whyNot).toContain("frozen");
  });

  test("nobody approves where nobody is known", () => {
    const anonymous = { subject: "anonymous", authenticated: false };
    const own = decidingOf(asked("anonymous", 1), anonymous, ADMIN);
    const others = decidingOf(asked("ann", 1), anonymous, ADMIN);
    expect([own.decisions, others.decisions]).toEqual([["withdraw"], ["reject"]]);
    for (const { whyNot } of [own, others]) expect(whyNot).toContain("asks nobody who they are");
  });
});

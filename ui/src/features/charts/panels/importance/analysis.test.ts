import { expect, test } from "vitest";

import { analysed } from "~/features/charts/panels/importance/analysis";
import { rankCorrelation, ranksOf } from "~/features/charts/panels/importance/correlation";
import { forestOf } from "~/features/charts/panels/importance/forest";
import { randomFrom } from "~/features/charts/panels/importance/random";

test("equal numbers share the middle of their ranks", () => {
  expect([...ranksOf([10, 30, 20, 20, 20, -Infinity])]).toEqual([2, 6, 4, 4, 4, 1]);
});

test("the rank correlation is Spearman's", () => {
  // The example of https://en.wikipedia.org/wiki/Spearman%27s_rank_correlation_coefficient: −29/165.
  const iq = [106, 100, 86, 101, 99, 103, 97, 113, 112, 110];
  const hours = [7, 27, 2, 50, 28, 29, 20, 12, 6, 17];
  const found = rankCorrelation(iq, hours);
  expect(found?.coefficient).toBeCloseTo(-29 / 165, 12);
  // Of ten runs nearly anything could be true, and the interval says so.
  expect(found?.interval[0]).toBeCloseTo(-0.7278, 4);
  expect(found?.interval[1]).toBeCloseTo(0.5145, 4);
  expect(found?.runs).toBe(10);
});

test("what always rises correlates by one, whatever its shape, and constants and few runs not at all", () => {
  const xs = [1, 2, 3, 4, 5, 6];
  expect(rankCorrelation(xs, xs.map(Math.exp))).toEqual({ coefficient: 1, interval: [1, 1], runs: 6 });
  expect(rankCorrelation(xs, [3, 3, 3, 3, 3, 3])).toBeNull();
  expect(rankCorrelation([1, 2, 3, 4], [1, 2, 3, 4])).toBeNull();
});

test("a forest learns what there is to learn, and nothing from noise", () => {
  const random = randomFrom(1);
  const some = () => Int32Array.from({ length: 200 }, () => Math.floor(random() * 20));
  const columns = [some(), some(), some()].map((codes) => ({ codes, different: 20, isOrdered: true }));
  const strong = columns[0]?.codes ?? new Int32Array();
  const weak = columns[1]?.codes ?? new Int32Array();
  const learnt = forestOf(
    columns,
    Float64Array.from(strong, (code, row) => 3 * code + (weak[row] ?? 0)),
  );
  expect(learnt.explained).toBeGreaterThan(0.9);
  const [first = 0, second = 0, third = 0] = learnt.importances;
  expect(first).toBeGreaterThan(4 * second);
  expect(second).toBeGreaterThan(4 * Math.abs(third));
  const noise = forestOf(
    columns,
    Float64Array.from({ length: 200 }, () => random()),
  );
  expect(noise.explained).toBeLessThan(0.1);
});

/** Eighty runs whose loss depends on the optimizer, and less on the learning rate; the seed tells nothing. */
function tuned() {
  const random = randomFrom(7);
  const runs = Array.from({ length: 80 }, (_, run) => ({
    lr: 10 ** -(1 + (run % 5)),
    optimizer: ["adam", "lion", "sgd"][Math.floor(random() * 3)] ?? "",
    seed: Math.floor(random() * 1000),
  }));
  const column = (key: keyof (typeof runs)[number]) => ({ key, texts: runs.map((run) => String(run[key])) });
  const target = runs
    .map((run) => ({ adam: 0.4, lion: 0, sgd: 0.8 })[run.optimizer] ?? 0)
    .map((loss, run) => loss + Math.log10(runs[run]?.lr ?? 1) * 0.15);
  const params = [column("seed"), column("lr"), column("optimizer"), { key: "epochs", texts: runs.map(() => "3") }];
  return { params, target };
}

test("the params that tell the target come first, and what tells nothing is not above chance", () => {
  const { runs, same, explained, findings } = analysed(tuned());
  expect([runs, same]).toEqual([80, 1]);
  expect(explained).toBeGreaterThan(0.6);
  expect(findings.map(({ key }) => key)).toEqual(["optimizer", "lr", "seed"]);
  expect(findings.map(({ isAboveChance }) => isAboveChance)).toEqual([true, true, false]);
  expect(findings.reduce((sum, { importance }) => sum + (importance ?? 0), 0)).toBeCloseTo(1, 12);
  const [optimizer, lr, seed] = findings;
  expect(optimizer?.correlation).toBeNull(); // three categories have no order
  expect(lr?.correlation?.coefficient).toBeGreaterThan(0.1);
  expect(seed?.correlation?.interval[0]).toBeLessThan(0);
  expect(seed?.correlation?.interval[1]).toBeGreaterThan(0);
});

test("the same runs give the same answer", () => {
  expect(analysed(tuned())).toEqual(analysed(tuned()));
});

test("runs without a finite target do not count, and are told of", () => {
  const { params, target } = tuned();
  const { runs, notFinite } = analysed({ params, target: [NaN, Infinity, null, ...target.slice(3)] });
  expect([runs, notFinite]).toEqual([77, 2]);
});

test("few runs get no importance, and very few no correlation", () => {
  const lr = { key: "lr", texts: ["1", "2", "3", "4", "5", "6", null] };
  const six = analysed({ params: [lr], target: [6, 5, 4, 3, 2, 1, 0] });
  expect(six.explained).toBeNull();
  expect(six.findings).toMatchObject([{ importance: null, correlation: { coefficient: -1, runs: 6 } }]);
  expect(analysed({ params: [lr], target: [6, 5, 4] }).findings).toMatchObject([{ correlation: null }]);
});

test("of two categories the correlation says which one is with higher values", () => {
  const texts = ["on", "off", "on", "off", "on", "off"];
  const [found] = analysed({ params: [{ key: "augment", texts }], target: [9, 1, 8, 2, 7, 3] }).findings;
  expect(found?.towards).toBe("on");
  expect(found?.correlation?.coefficient).toBeGreaterThan(0.8);
});

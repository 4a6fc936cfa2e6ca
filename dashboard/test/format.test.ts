import { describe, expect, it } from "vitest";
import { ago, bytes, count, duration, moment, percent, plural, rate, short, spaced } from "../src/words/format";

/** One line a case: what goes in, what a person reads. */
function check<T>(write: (value: T) => string, cases: [T, string][]): void {
  for (const [value, expected] of cases) expect(write(value), String(value)).toBe(expected);
}

describe("figures", () => {
  it("counts are grouped by thousands", () =>
    check(count, [
      [0, "0"],
      [9200, "9,200"],
      [1_258_825_662, "1,258,825,662"],
      [null, "–"],
    ]));

  it("rates keep what matters of small and large ones", () =>
    check(rate, [
      [null, "–"],
      [0, "0"],
      [0.01, "<0.1"],
      [0.2, "0.2"],
      [3, "3"],
      [12.4, "12"],
      [2_480.4, "2,480"],
      [9_999, "9,999"],
      [10_000, "10 k"],
      [184_012, "184 k"],
      [1_350_000, "1.35 M"],
    ]));

  it("short numbers have three digits", () =>
    check(short, [
      [0, "0"],
      [999, "999"],
      [1_000, "1 k"],
      [14_230, "14.2 k"],
      [99_960, "100 k"],
      [999_960, "1 M"],
      [2e9, "2 G"],
      [null, "–"],
    ]));

  it("bytes are in binary units", () =>
    check(bytes, [
      [0, "0 B"],
      [1023, "1023 B"],
      [1024, "1 KiB"],
      [11_502, "11.2 KiB"],
      [536_870_912, "512 MiB"],
      [25_276_510_208, "23.5 GiB"],
      [null, "–"],
    ]));

  it("shares are whole per cents, and a little is not nothing", () =>
    check(percent, [
      [0, "0 %"],
      [0.001, "<1 %"],
      [0.4213, "42 %"],
      [1, "100 %"],
      [null, "–"],
    ]));
});

describe("times", () => {
  it("durations have their two largest units", () =>
    check(duration, [
      [0, "0 ms"],
      [17, "17 ms"],
      [1_000, "1 s"],
      [4_210, "4.2 s"],
      [9_960, "10 s"],
      [45_899, "46 s"],
      [60_000, "1 min"],
      [328_287, "5 min 28 s"],
      [11_070_000, "3 h 4 min"],
      [183_600_000, "2 d 3 h"],
      [null, "–"],
      [-1, "–"],
    ]));

  it("what just happened is not counted in milliseconds", () => {
    expect(ago(1_000, 2_000)).toBe("just now");
    expect(ago(1_000, 13_000)).toBe("12 s ago");
    expect(ago(null, 13_000)).toBe("–");
  });

  it("a moment of another day carries its date", () => {
    const noon = new Date(2026, 10, 21, 12, 0, 5).getTime();
    expect(moment(noon, noon + 60_000)).toBe("12:00:05");
    expect(moment(noon, noon + 86_400_000)).toBe("2026-11-21 12:00:05");
    expect(moment(null, noon)).toBe("–");
  });
});

it("words follow their numbers", () => {
  expect(plural(1, "slot")).toBe("1 slot");
  expect(plural(2, "more slot")).toBe("2 more slots");
  expect(spaced("exactly_once")).toBe("exactly once");
  expect(spaced("job-parallelism")).toBe("job parallelism");
});

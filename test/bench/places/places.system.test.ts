/**
 * Visitors of one network keep what places of the web server they can get; those of other networks get their pages. Real daemons with
 * default settings. How long a page takes is for `coilgun-bench places` to say.
 */
import { describe, expect, it } from "vitest";
import { ATTACKS, HOST } from "../../../bench/places/attacks.ts";
import { measurePlaces } from "../../../bench/places/places.ts";
import { systemClock } from "../../../protocol/runtime/clock.ts";
import { watchLeaks } from "../../kit/leaks.ts";
import { makeSiteFiles } from "../../kit/secure-pair.ts";

watchLeaks();

/** So many times as fast: a hundred hanging requests in half a second, as in twenty. */
const HASTE = 40;
/** Three quarters of 128 places: what one network may have. */
const SHARE = 96;

describe("while one network keeps places", () => {
  it.each(ATTACKS.filter(({ holds }) => holds > 0))(
    "by $name, every visitor of another one gets pages",
    async (attack) => {
      using site = makeSiteFiles();
      site.write(site.authority.issue({ name: HOST }));
      const [row] = await measurePlaces({
        clock: systemClock,
        signal: new AbortController().signal,
        seconds: 0.5,
        attacks: [attack.name === "hanging" ? { ...attack, holds: SHARE } : attack],
        listener: site.named,
        haste: HASTE,
        warmUpPages: 1,
      });
      expect(row?.others).toMatchObject({ flaws: [] });
      expect(row?.others.ms).toHaveLength(row?.others.asked ?? 0);
      if (!attack.sparesOwn) expect(row?.held).toBeLessThanOrEqual(SHARE);
      if (attack.sparesOwn) expect(row?.own).toMatchObject({ flaws: [] });
    },
  );
});

/** A JSON API as a page's script polls it: a table of departures, most rows as before, some delayed, some gone. */
import { chanceFor } from "./chance.ts";
import type { Visit } from "./layout.ts";
import { isoTime } from "./world.ts";

const DEPARTURES = 140;
const MINUTES_APART = 4;
const PORTS = [
  "Gull Island",
  "Skerry Point",
  "Northhaven",
  "Saltholm",
  "Cooper's Reach",
  "Varberg",
  "Lysefjord",
] as const;
const VESSELS = ["Marigold", "Petrel", "Tern", "Saint Brannoc", "Aurora", "Sandpiper", "Halcyon"] as const;

export function departures({ seed, moment, requestId }: Visit): object {
  const first = Math.floor(moment / MINUTES_APART);
  return {
    requestId,
    generatedAt: isoTime(moment),
    waterLevel: Number((1.9 + 1.6 * Math.sin(moment / 118.5)).toFixed(3)),
    departures: Array.from({ length: DEPARTURES }, (_, index) => departure(seed, first + index, moment)),
  };
}

function departure(seed: number, number: number, moment: number): object {
  const chance = chanceFor(seed, "departure", number);
  const scheduled = number * MINUTES_APART;
  const capacity = chance.between(40, 480);
  const delayed = chance.next() < 0.25;
  const soonness = Math.max(0, 1 - (scheduled - moment) / (DEPARTURES * MINUTES_APART));
  return {
    id: `dep-${number}`,
    vessel: { name: chance.pick(VESSELS), callSign: `OX${chance.hex(4).toUpperCase()}`, capacity },
    to: chance.pick(PORTS),
    berth: `B${chance.between(1, 14)}`,
    scheduled: isoTime(scheduled),
    delayMinutes: delayed ? Math.floor(chance.between(1, 30) * soonness) : 0,
    seatsTaken: Math.floor(capacity * chance.next() * soonness),
    state: scheduled - moment < MINUTES_APART ? "boarding" : delayed ? "delayed" : "on time",
    position: {
      lat: Number((55.6 + chance.next()).toFixed(5)),
      lon: Number((12.1 + chance.next()).toFixed(5)),
    },
  };
}

/**
 * The captured versions of a corpus as one visitor after the other meets them (`bench pair --corpus`): each time series is a path of each
 * way, and each visit of it gets the next version. The version's number is its entity tag.
 */
import { type Corpus, readCorpus } from "../corpus/corpus.ts";

export interface SeriesPage {
  readonly contentType: string;
  readonly body: Buffer;
  readonly tag: string;
}

export class CorpusSeries {
  readonly #corpus: Corpus;
  readonly #bodies = new Map<string, Buffer>();
  /** Names of series, each as often as it has versions, those of one spread evenly over all. */
  readonly order: readonly string[];

  /** Throws CorpusError where the corpus in `folder` cannot be used. */
  constructor(folder: string) {
    const corpus = readCorpus(folder);
    this.#corpus = { ...corpus, families: corpus.families.filter(({ kind }) => kind === "timeseries") };
    this.order = this.#corpus.families
      .flatMap(({ name, versions }) => versions.map((_, at) => ({ name, when: at / versions.length })))
      .sort((one, other) => one.when - other.when)
      .map(({ name }) => name);
  }

  /** Version `serial` of a series, from the first again after its last; undefined where there is no such series. */
  page(name: string, serial: number): SeriesPage | undefined {
    const family = this.#corpus.families.find((each) => each.name === name);
    const version = family?.versions[serial % family.versions.length];
    if (family === undefined || version === undefined) return undefined;
    let body = this.#bodies.get(version.file);
    if (body === undefined) {
      body = this.#corpus.read(version.file);
      this.#bodies.set(version.file, body);
    }
    return { contentType: family.contentType, body, tag: `"${serial % family.versions.length}"` };
  }

  /** What is wrong with a body of this series that came with this entity tag, which a coding makes weak; undefined if nothing is. */
  flawOf(name: string, body: Buffer, tag: string | undefined): string | undefined {
    const serial = Number(/\d+/.exec(tag ?? "")?.[0]);
    const page = Number.isNaN(serial) ? undefined : this.page(name, serial);
    if (page === undefined || tag?.replace("W/", "") !== page.tag)
      return `the head of ${tag ?? "no version"}`;
    return page.body.equals(body)
      ? undefined
      : `${body.length} bytes that are not version ${serial} of ${name}`;
  }
}

/** Each way has versions of its own: to a pair the next one is the next one. */
export const seriesPath = (way: string, name: string): string => `/${way}/${name}`;

/** What an edge's worker tells the daemon beyond what every worker does. */
export type EdgeNews =
  | { readonly about: "links"; readonly keyIds: readonly string[] }
  | { readonly about: "tunnel closed" };

export const isEdgeNews = (news: unknown): news is EdgeNews =>
  typeof news === "object" && news !== null && "about" in news;

/** The table of docs/tcp-attempts.md: what was tried, and what is counted of it. */

/** What a run of `tcp-attempts` asks for, and what is to be counted of it. */
export interface Attempt {
  readonly begin: string;
  readonly end: string;
  /** What is at the other end, in a word. */
  readonly at: string;
  /** How many sockets begin to connect. */
  readonly count: number;
  readonly address: string;
  /** Outcomes of attempts: each has sent a SYN. */
  readonly sent: Readonly<Record<string, number>>;
  /** Outcomes of connect(2) without a SYN. */
  readonly unsent: Readonly<Record<string, number>>;
}

function outcomes(counts: Readonly<Record<string, number>>): string {
  const texts = Object.entries(counts).map(([result, count]) => `${count} \`${result}\``);
  return texts.length === 0 ? "–" : texts.join(", ");
}

/** Rows in Markdown, in the order of the attempts. */
export function attemptTable(attempts: readonly Attempt[]): string {
  const rows = attempts.map(({ begin, end, at, count, address, sent, unsent }) =>
    [`\`${begin}\``, at, `\`${address}\``, `\`${end}\``, `${count}`, outcomes(sent), outcomes(unsent)].join(" | "),
  );
  const columns = ["begun by", "to", "address", "then", "sockets", "with a SYN", "without"];
  return [columns.join(" | "), columns.map(() => "---").join(" | "), ...rows].map((row) => `| ${row} |`).join("\n");
}

/** The README.md that a new signal comes with. */

/** What is the new signal's own in it. */
export interface ReadmeParts {
  /** What it counts, after "A signal of ringtap: ". */
  readonly counts: string;
  /** What its files are, by their names; `dist/` comes last by itself. */
  readonly files: Readonly<Record<string, string>>;
  /** The document of ringtap's that tells more. */
  readonly document: string;
}

/** The text of README.md, in Markdown. */
export function newReadme(name: string, { counts, files, document }: ReadmeParts): string {
  const rows = Object.entries({ ...files, "dist/": "what ringtap loads" });
  return `# The signal ${name}

A signal of ringtap: ${counts}, until you make another thing of it.

| file | what it is |
|---|---|
${rows.map(([file, what]) => `| \`${file}\` | ${what} |`).join("\n")}

\`\`\`sh
ringtap signal build .                                # after each change
sudo ringtap signal check .                           # does it load here, and what does it cost?
sudo ringtap run --signals.path .                     # beside the built-in signals
sudo ringtap trace ${name} --signals.path .
sudo node --test
\`\`\`

Ringtap runs only what belongs to root or to its own user and can be written by no one else, the folders above included. The paths in
\`tsconfig.json\` are those of the ringtap that has written it; they are for editors. Ringtap's ${document} tells more.
`;
}

/**
 * Which format and coding a request gets
 * (https://github.com/prometheus/docs/blob/main/docs/instrumenting/content_negotiation.md; RFC 9110, 12.5).
 */
import { type Format, fallbackOffer, type Offer, offers } from "./formats.js";

/** What a request gets. */
export interface Choice {
  readonly format: Format;
  readonly contentType: string;
}

/** One item of a header such as Accept: a name, its parameters, its weight. Names are in lower case. */
interface Item {
  readonly name: string;
  readonly parameters: ReadonlyMap<string, string>;
  /** 0 … 1; 0 means: not this. */
  readonly weight: number;
}

/** Where a range stands in the header, and how closely it names an offer. */
interface Match {
  readonly weight: number;
  readonly closeness: number;
  readonly position: number;
}

/** Items and their parts: whatever stands between these, quoted strings in one piece. */
const betweenCommas = /(?:[^",]|"(?:[^"\\]|\\.)*"?)+/g;
const betweenSemicolons = /(?:[^";]|"(?:[^"\\]|\\.)*"?)+/g;

const weightGrammar = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?|\.\d{1,3})$/;

/**
 * Schemes that leave names alone which consist of letters, digits, underscores and colons, as all of ringtap's do; `allow-utf8` is
 * how the specification spells the first. `dots`, which doubles underscores, is not among them.
 */
const truthfulEscapings = ["allow-utf-8", "allow-utf8", "underscores", "values"];

function unquoted(text: string): string {
  const trimmed = text.trim();
  return trimmed.startsWith('"')
    ? trimmed.slice(1, trimmed.endsWith('"') ? -1 : undefined).replace(/\\(.)/g, "$1")
    : trimmed;
}

/** Reads an item; undefined when its weight is none. */
function parseItem(text: string): Item | undefined {
  const [name = "", ...rest] = text.match(betweenSemicolons) ?? [];
  const parameters = new Map<string, string>();
  for (const parameter of rest) {
    const equals = parameter.indexOf("=");
    if (equals > 0) {
      parameters.set(parameter.slice(0, equals).trim().toLowerCase(), unquoted(parameter.slice(equals + 1)));
    }
  }
  const weight = parameters.get("q") ?? "1";
  return weightGrammar.test(weight)
    ? { name: name.trim().toLowerCase(), parameters, weight: Number(weight) }
    : undefined;
}

function parseItems(header: string): Item[] {
  return (header.match(betweenCommas) ?? []).map(parseItem).filter((item) => item !== undefined);
}

/** How closely a media range names an offer; undefined when it names another one. A parameter that is not given may be any. */
function closeness({ name, parameters }: Item, offer: Offer): number | undefined {
  if (name !== offer.type) {
    const [main = ""] = offer.type.split("/");
    return name === "*/*" ? 0 : name === `${main}/*` ? 1 : undefined;
  }
  let named = 2;
  for (const [parameter, value] of offer.parameters) {
    const wanted = parameters.get(parameter);
    if (wanted !== undefined) {
      if (wanted !== value) {
        return undefined;
      }
      named++;
    }
  }
  return named;
}

/** The range that speaks of an offer: of those that match, the one that names it most closely. */
function matchOf(ranges: readonly Item[], offer: Offer): Match | undefined {
  let best: Match | undefined;
  for (const [position, range] of ranges.entries()) {
    const close = closeness(range, offer);
    if (close !== undefined && close > (best?.closeness ?? -1)) {
      best = { weight: range.weight, closeness: close, position };
    }
  }
  return best;
}

/** Nothing that is wanted. */
const noMatch: Match = { weight: 0, closeness: 0, position: -1 };

/** Is `match` better than `best`: weightier, or as weighty and named earlier? */
function isBetter(match: Match, best: Match): boolean {
  return match.weight > best.weight || (match.weight === best.weight && match.position < best.position);
}

/**
 * The format for a request with this `Accept`: the weightiest that there is, of equally weighty ones the one named first. A client
 * that names none of these formats, or sends no such header, gets the text format 0.0.4.
 */
export function chooseFormat(accept: string | undefined): Choice {
  const ranges = parseItems(accept ?? "");
  let best = noMatch;
  let { format, contentType, escapes } = fallbackOffer;
  for (const offer of offers) {
    const match = matchOf(ranges, offer);
    if (match !== undefined && isBetter(match, best)) {
      best = match;
      ({ format, contentType, escapes } = offer);
    }
  }
  if (!escapes) {
    return { format, contentType };
  }
  const wanted = ranges[best.position]?.parameters.get("escaping");
  const escaping = wanted !== undefined && truthfulEscapings.includes(wanted) ? wanted : "underscores";
  return { format, contentType: `${contentType}; escaping=${escaping}` };
}

/** Does `Accept-Encoding` name gzip, or everything, with a weight other than 0, and identity with no greater one? */
export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  const codings = parseItems(acceptEncoding ?? "");
  const choice = codings.find(({ name }) => name === "gzip") ?? codings.find(({ name }) => name === "*");
  const plain = codings.find(({ name }) => name === "identity")?.weight ?? 0;
  return choice !== undefined && choice.weight > 0 && choice.weight >= plain;
}

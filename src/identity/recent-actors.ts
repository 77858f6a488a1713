/** Actors that are found without hashing. */
import { type ActorRecord, actorWords } from "../binding/record.js";

/** As many as there are places; pids are given out one after the other, so that few of those alive meet in one. */
const places = 16_384;

/** Words of a place: those of the actor's key, and its id + 1, 0 where it is empty. It lies in one cache line. */
const placeWords = actorWords + 1;

function placeOf(tgid: number): number {
  return (tgid & (places - 1)) * placeWords;
}

/** The actors seen last, by the low bits of their tgid. */
export class RecentActors {
  readonly #words = new Uint32Array(places * placeWords);

  /** The actor of a record, -1 when it is not among these. */
  find(record: ActorRecord): number {
    const words = this.#words;
    const place = placeOf(record.tgid);
    const entry = words[place + actorWords] as number;
    return entry !== 0 && record.isActor(words, place) ? entry - 1 : -1;
  }

  /** Stores an actor, whose key begins with the tgid, in place of the one that was there. */
  put(tgid: number, key: Uint32Array, actor: number): void {
    const place = placeOf(tgid);
    this.#words.set(key, place);
    this.#words[place + actorWords] = actor + 1;
  }

  /** Deletes the actor at the place of this tgid, whichever it is. */
  delete(tgid: number): void {
    this.#words[placeOf(tgid) + actorWords] = 0;
  }
}

/** From expressions to instructions. What has been computed on every way to a place is not computed again. */
import { Assembler, fitsImmediate, inverse, type Label, type Size, type Variable } from "./assembler.js";
import { helpers } from "./helpers.js";
import { signedDivision } from "./division.js";
import { keptText, type Node, type TextNode } from "./nodes.js";
import { castText, loadText, readText, type Target } from "./text-code.js";

/** The furthest offset of a load: 16 bits. */
const furthest = 32767;

function noStart(): never {
  throw new TypeError("what a start has kept is there only where h.since() has asked for it");
}

/** Is all of a condition computed in any case? */
function isWhole(node: Node): boolean {
  return node.is === "not" ? isWhole(node.of) : node.is !== "and" && node.is !== "or";
}

/** A field of what a start has kept: its place in that, in bytes. */
export interface KeptField {
  readonly name: string;
  readonly kind: string;
  readonly offset: number;
  readonly bytes: number;
}

/** Compiles expressions one after the other into one program. */
export class Compiler {
  readonly assembler = new Assembler();
  readonly #tracepoint: string;
  readonly #word: number | undefined;
  /** What is known at the place that is compiled, by the key of its expression. */
  #known = new Map<string, Variable>();
  /** The same for texts: where in the frame each lies. */
  #texts = new Map<string, number>();
  /** Where in the frame numbers lie that starts have kept, by start and field. */
  readonly #kept = new Map<string, number>();
  #scratch: number | undefined;

  /**
   * `tracepoint`: the one whose program it is. `word`: the id of a struct that begins with 8 bytes of a number, for a kernel that gives programs no helper to read its memory:
   * then they read by casts of addresses to pointers to that struct. See bpf/include/ringtap/read.h.
   */
  constructor(tracepoint: string, word?: number) {
    this.#tracepoint = tracepoint;
    this.#word = word;
  }

  /** Runs `compile` for a part of the program that is not on every way: what it computes is not known afterwards. */
  branch(compile: () => void): void {
    const [known, texts] = [this.#known, this.#texts];
    this.#known = new Map(known);
    this.#texts = new Map(texts);
    compile();
    this.#known = known;
    this.#texts = texts;
  }

  /** Says where in the frame lies what a start has kept, from here on. */
  placeStart(start: string, fields: readonly KeptField[], frame: number): void {
    for (const { name, kind, offset, bytes } of fields) {
      if (kind === "text") {
        this.#texts.set(keptText(start, name, bytes).key, frame + offset);
      } else {
        this.#kept.set(`${start}.${name}`, frame + offset);
      }
    }
  }

  /** The number that an expression gives. The variable must not be changed. */
  number(node: Node): Variable {
    const known = this.#known.get(node.key);
    if (known !== undefined) {
      return known;
    }
    const found = this.#compute(node);
    this.#known.set(node.key, found);
    return found;
  }

  #compute(node: Node): Variable {
    const { assembler } = this;
    switch (node.is) {
      case "constant":
        return assembler.number(node.value);
      case "argument": {
        if (node.tracepoint !== this.#tracepoint) {
          throw new TypeError(
            `an argument of the tracepoint ${node.tracepoint} is not there at ${this.#tracepoint}: have a mark keep it`,
          );
        }
        const to = assembler.variable();
        assembler.load(to, assembler.context, 8 * node.index, 8);
        return to;
      }
      case "typed":
        return assembler.call(helpers.cast, { variable: this.number(node.of) }, { number: node.type });
      case "helper":
        return assembler.call(node.helper);
      case "option": {
        const to = assembler.variable();
        assembler.load(to, assembler.address({ constant: node.name, offset: 0 }), 0, 4);
        return to;
      }
      case "kept": {
        const to = assembler.variable();
        assembler.load(to, undefined, this.#kept.get(`${node.start}.${node.field}`) ?? noStart(), node.size);
        if (node.signed) {
          this.#extend(to, node.size, true);
        }
        return to;
      }
      case "load":
        return this.#load(node);
      case "extend": {
        const to = assembler.copy(this.number(node.of));
        this.#extend(to, node.size, node.signed);
        return to;
      }
      case "binary":
        return this.#binary(node);
      case "compare":
      case "textEquals":
      case "and":
      case "or":
      case "not":
        return this.#truth(node);
      case "select":
        return this.#select(node);
    }
  }

  #extend(to: Variable, size: Size, signed: boolean): void {
    const { assembler } = this;
    if (size === 8) {
      return;
    }
    if (!signed && size === 4) {
      assembler.zeroExtend(to);
      return;
    }
    const bits = 64 - 8 * size;
    assembler.alu("shl", to, { number: bits });
    assembler.alu(signed ? "shrSigned" : "shr", to, { number: bits });
  }

  /** A load by its type. */
  #loadDirectly(to: Variable, pointer: Variable, offset: number, size: Size): void {
    const { assembler } = this;
    let from = pointer;
    if (offset > furthest) {
      from = assembler.copy(pointer);
      assembler.alu("add", from, { number: offset });
    }
    assembler.load(to, from, offset > furthest ? 0 : offset, size);
  }

  /** A load through a pointer that may be null, which gives 0 then. */
  #load({ base, offset, size, signed, direct }: Node & { readonly is: "load" }): Variable {
    const { assembler } = this;
    const pointer = this.number(base);
    if (direct && base.is === "typed") {
      // Of what has been cast, the load itself gives 0 where nothing is: no branch, which the verifier would follow.
      const loaded = assembler.variable();
      this.#loadDirectly(loaded, pointer, offset, size);
      if (signed) {
        this.#extend(loaded, size, true);
      }
      return loaded;
    }
    const to = assembler.number(0);
    const end = assembler.label();
    assembler.jump("eq", pointer, { number: 0 }, end);
    if (direct) {
      this.#loadDirectly(to, pointer, offset, size);
    } else if (this.#word !== undefined) {
      const at = assembler.call(helpers.cast, { variable: pointer, plus: offset }, { number: this.#word });
      assembler.load(to, at, 0, size);
    } else {
      const frame = (this.#scratch ??= assembler.frame(8));
      assembler.perform(helpers.readKernel, { frame }, { number: size }, { variable: pointer, plus: offset });
      assembler.load(to, undefined, frame, size);
    }
    if (signed) {
      this.#extend(to, size, true);
    }
    assembler.place(end);
    return to;
  }

  /** An operand: a variable, or a number that fits the instruction. */
  #operand(node: Node): Variable | { readonly number: number } {
    return node.is === "constant" && fitsImmediate(node.value) ? { number: Number(node.value) } : this.number(node);
  }

  #binary({ operation, left, right, signed }: Node & { readonly is: "binary" }): Variable {
    const { assembler } = this;
    if (signed && (operation === "div" || operation === "mod")) {
      return signedDivision(assembler, operation, this.number(left), this.number(right));
    }
    const from = this.number(left);
    const operand = this.#operand(right);
    if ((operation === "div" || operation === "mod") && typeof operand !== "number" && operand.number <= 0) {
      // The verifier refuses a constant 0, and a negative one would be extended by its sign.
      return this.#divide(operation, from, this.number(right));
    }
    const to = assembler.copy(from);
    assembler.alu(operation, to, operand);
    return to;
  }

  #divide(operation: "div" | "mod", from: Variable, by: Variable): Variable {
    const to = this.assembler.copy(from);
    this.assembler.alu(operation, to, by);
    return to;
  }

  #truth(node: Node): Variable {
    const { assembler } = this;
    const to = assembler.number(0);
    const end = assembler.label();
    this.branch(() => {
      this.unless(node, end);
      assembler.set(to, 1);
    });
    assembler.place(end);
    return to;
  }

  #select({ condition, yes, no }: Node & { readonly is: "select" }): Variable {
    const { assembler } = this;
    const to = assembler.variable();
    const [other, end] = [assembler.label(), assembler.label()];
    this.branch(() => {
      this.unless(condition, other);
      assembler.move(to, this.number(yes));
    });
    assembler.goto(end);
    assembler.place(other);
    this.branch(() => {
      assembler.move(to, this.number(no));
    });
    assembler.place(end);
    return to;
  }

  /** Goes to the label unless the condition holds. What was computed for it is known behind it. */
  unless(node: Node, label: Label): void {
    this.#jump(node, label, false);
  }

  /** Goes to the label when the condition is `value`. */
  #jump(node: Node, label: Label, value: boolean): void {
    const { assembler } = this;
    switch (node.is) {
      case "not": {
        this.#jump(node.of, label, !value);
        return;
      }
      case "and":
      case "or":
        // Of `and`, the first part that fails decides; of `or`, the first that holds.
        if (value === (node.is === "or")) {
          this.#jump(node.left, label, value);
          this.#jump(node.right, label, value);
          return;
        }
        {
          this.#shortcut(node.left, node.right, label, value);
          return;
        }
      case "compare": {
        const left = this.number(node.left);
        const right = this.#operand(node.right);
        assembler.jump(value ? node.jump : inverse[node.jump], left, right, label);
        return;
      }
      case "textEquals": {
        this.#compareText(node.text, node.value, label, value);
        return;
      }
      default: {
        assembler.jump(value ? "ne" : "eq", this.number(node), { number: 0 }, label);
        return;
      }
    }
  }

  #shortcut(left: Node, right: Node, label: Label, value: boolean): void {
    const past = this.assembler.label();
    const first = (): void => {
      this.#jump(left, past, !value);
    };
    const second = (): void => {
      this.#jump(right, label, value);
    };
    if (isWhole(left)) {
      first();
      this.branch(second);
    } else {
      // The jump past the second part can come from the middle of the first one.
      this.branch(() => {
        first();
        second();
      });
    }
    this.assembler.place(past);
  }

  #compareText(text: TextNode, bytes: Uint8Array, label: Label, value: boolean): void {
    const { assembler } = this;
    const frame = this.#framed(text);
    const wanted = Buffer.alloc(text.size);
    wanted.set(bytes);
    const other = value ? assembler.label() : label;
    for (let at = 0; at < text.size; at += 8) {
      const word = assembler.variable();
      assembler.load(word, undefined, frame + at, 8);
      assembler.jump("ne", word, assembler.number(wanted.readBigUInt64LE(at)), other);
      if (wanted.subarray(at, at + 8).includes(0)) {
        break;
      }
    }
    if (value) {
      assembler.goto(label);
      assembler.place(other);
    }
  }

  /** Where in the frame a text lies. */
  #framed(text: TextNode): number {
    const known = this.#texts.get(text.key);
    if (known !== undefined) {
      return known;
    }
    const offset = this.assembler.frame(text.size);
    this.text(text, { base: undefined, offset });
    return offset;
  }

  /** Writes a text, filled up with zeros. */
  text(text: TextNode, target: Target): void {
    const { assembler } = this;
    const { base, offset } = target;
    const known = this.#texts.get(text.key);
    if (known !== undefined) {
      for (let at = 0; at < text.size; at += 8) {
        const word = assembler.variable();
        assembler.load(word, undefined, known + at, 8);
        assembler.store(base, offset + at, 8, word);
      }
      return;
    }
    if (text.isKept) {
      noStart();
    }
    const pointer = this.number(text.base);
    if (text.direct) {
      loadText(assembler, text, pointer, target);
    } else if (this.#word === undefined || text.isUser) {
      readText(assembler, text, pointer, target);
    } else {
      castText(assembler, text, pointer, target, this.#word);
    }
    if (base === undefined) {
      this.#texts.set(text.key, offset);
    }
  }
}

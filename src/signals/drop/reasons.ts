/** Names of the reasons why the kernel drops packets, as the running kernel has them. */
import { kernelEnum } from "ringtap/signal";

/** Of a kernel that does not tell: NO_REASON of bpf/drop/drop_counts.h. */
const noReason = 0xffff;

/** What names of the core's reasons begin with, and those of subsystems. */
const prefix = "SKB_DROP_REASON_";
const subsystemPrefix = "SKB_DROP_REASON_SUBSYS_";

/** Where the subsystem is in a reason (SKB_DROP_REASON_SUBSYS_SHIFT, include/net/dropreason.h). */
const subsystemShift = 16;

/** Reads enums of the kernel when a reason is first asked for. */
export class Reasons {
  readonly #known = new Map<number, string>([[noReason, "UNKNOWN"]]);
  readonly #enums = new Map<string, ReadonlyMap<number, string>>();

  /** The kernel's name of a reason, without its prefix: `NO_SOCKET`; a number where it has none. */
  name(reason: number): string {
    let name = this.#known.get(reason);
    if (name === undefined) {
      name = this.#find(reason);
      this.#known.set(reason, name);
    }
    return name;
  }

  #find(reason: number): string {
    const subsystem = reason >>> subsystemShift;
    if (subsystem === 0) {
      return this.#enum("skb_drop_reason").get(reason)?.slice(prefix.length) ?? String(reason);
    }
    const owner = this.#enum("skb_drop_reason_subsys").get(subsystem)?.slice(subsystemPrefix.length);
    // Such as enum qdisc_drop_reason; those of modules are not in the kernel's own types.
    const named = owner === undefined ? undefined : this.#enum(`${owner.toLowerCase()}_drop_reason`).get(reason);
    return named ?? `${owner ?? subsystem}_${reason & 0xffff}`;
  }

  #enum(name: string): ReadonlyMap<number, string> {
    let values = this.#enums.get(name);
    if (values === undefined) {
      values = kernelEnum(name) ?? new Map<number, string>();
      this.#enums.set(name, values);
    }
    return values;
  }
}

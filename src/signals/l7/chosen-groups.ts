/** Requests of some containers, pods or namespaces alone: which control groups are of these, as bpf/l7/left_out.h is told. */
import type { BpfMap, SignalContext } from "ringtap/signal";

import { L7GroupNotice } from "./records.js";

/** enum judgement there. */
const leftOut = 0;
const chosen = 1;

/** The map of judgements, and the size of what is not used where no group is chosen. */
const groupMap = "judged_groups";
export const noGroupSizes = { [groupMap]: 1 };

/** GROUPS_MAX there. */
const mostGroups = 32_768;

/** Digits of the label `container_id`. */
const idDigits = 12;

/** Names that are chosen; of each list that is not empty, one has to be a process's. */
export interface GroupChoice {
  readonly containers: readonly string[];
  readonly pods: readonly string[];
  readonly namespaces: readonly string[];
}

/** The labels of a control group. */
type Names = Readonly<Record<string, string>>;

/** Is anything chosen? */
export function areGroupsChosen({ containers, pods, namespaces }: GroupChoice): boolean {
  return containers.length + pods.length + namespaces.length > 0;
}

function isContainer({ container = "", container_id: id = "" }: Names, text: string): boolean {
  return text === container || (id !== "" && text.length >= idDigits && text.slice(0, idDigits) === id);
}

/** Are processes with these labels among those that are chosen? */
export function isGroupChosen({ containers, pods, namespaces }: GroupChoice, names: Names): boolean {
  return (
    (containers.length === 0 || containers.some((text) => isContainer(names, text))) &&
    (pods.length === 0 || pods.includes(names.pod ?? "")) &&
    (namespaces.length === 0 || namespaces.includes(names.namespace ?? ""))
  );
}

/** Judges control groups as they become known, those that the kernel reports, and anew when their names change, as they do when Kubernetes tells them. */
export function judgeGroups(context: SignalContext, choice: GroupChoice): void {
  const { cgroups } = context.identity;
  const map: BpfMap = context.map(groupMap);
  const changes: BpfMap = context.map("group_changes");
  const judged = new Set<number>();
  const key = new BigUint64Array(1);
  const value = new BigUint64Array(1);
  const bytes = (of: BigUint64Array): Uint8Array => new Uint8Array(of.buffer);
  const changed = new BigUint64Array(1);

  /** Has programs judge anew: they keep what they have found. */
  function countChange(): void {
    changed[0] = (changed[0] ?? 0n) + 1n;
    changes.set(new Uint8Array(4), bytes(changed));
  }

  function judge(id: number): void {
    if (context.signal.aborted || (judged.size >= mostGroups && !judged.has(id))) {
      return;
    }
    key[0] = BigInt(id);
    value[0] = BigInt(isGroupChosen(choice, cgroups.names(id)) ? chosen : leftOut);
    judged.add(id);
    map.set(bytes(key), bytes(value));
    countChange();
  }

  context.sideRing("group_notices", L7GroupNotice, ({ cgroup }) => {
    judge(cgroup);
  });
  // Before a process in it can have made a request, mostly.
  cgroups.onInsert(judge);
  const stop = cgroups.onChange((id) => {
    if (judged.has(id)) {
      judge(id);
    }
  });
  context.signal.addEventListener("abort", stop);
  cgroups.onEnd((id) => {
    if (judged.delete(id) && !context.signal.aborted) {
      key[0] = BigInt(id);
      map.deleteKeys(bytes(key), 1);
      countChange();
    }
  });
}

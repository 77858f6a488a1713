/** From the kernel's clock to wall-clock time. */
import { kernelNow } from "../binding/kernel-clock.js";

/** Writes times of the host's CLOCK_MONOTONIC, in nanoseconds, as people and programs read them, to the microsecond. */
export interface WallClock {
  /** `2026-11-22T08:30:00.123456Z` */
  utc(time: number): string;
  /** `09:30:00.123456`, in the time zone of this process. */
  local(time: number): string;
}

/** A clock by which CLOCK_MONOTONIC began `offset` microseconds after the epoch. */
export function wallClockAt(offset: number): WallClock {
  const inUtc = cached((second) => new Date(second * 1000).toISOString().slice(0, 19));
  const inLocalTime = cached((second) => {
    const date = new Date(second * 1000);
    return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => digits(part, 2)).join(":");
  });
  const text = (time: number, upToSeconds: (second: number) => string): string => {
    const microseconds = Math.floor(time / 1000) + offset;
    const second = Math.floor(microseconds / 1e6);
    return `${upToSeconds(second)}.${digits(microseconds - second * 1e6, 6)}`;
  };
  return { utc: (time) => `${text(time, inUtc)}Z`, local: (time) => text(time, inLocalTime) };
}

/** The clock as it stands now. A later step of the system's time is not followed: lines stay in order. */
export function wallClock(): WallClock {
  const now = performance.timeOrigin + performance.now();
  return wallClockAt(Math.round(now * 1000) - Number(kernelNow() / 1000n));
}

function digits(number: number, count: number): string {
  return number.toString().padStart(count, "0");
}

/** Many records share a second. */
function cached(make: (second: number) => string): (second: number) => string {
  let last = NaN;
  let text = "";
  return (second) => {
    if (second !== last) {
      last = second;
      text = make(second);
    }
    return text;
  };
}

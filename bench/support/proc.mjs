import { readdirSync, readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';

const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK']));

/** Fields of /proc/<pid>/stat from the third (state) on. @param {number | string} pid */
function statOf(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** User and system time of a process, in microseconds. @param {number} pid */
export function cpuUs(pid) {
  const stat = statOf(pid);
  return ((Number(stat[11]) + Number(stat[12])) / TICKS_PER_SECOND) * 1e6;
}

/** The same of a process, its children, and those that have ended. @param {number} pid */
export function familyCpuUs(pid) {
  const own = statOf(pid);
  let ticks = Number(own[11]) + Number(own[12]) + Number(own[13]) + Number(own[14]);
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = statOf(entry);
      if (Number(stat[1]) === pid) ticks += Number(stat[11]) + Number(stat[12]);
    } catch {
      // It has ended in the meantime, and is counted by its parent.
    }
  }
  return (ticks / TICKS_PER_SECOND) * 1e6;
}

/** @param {number} pid */
export function parentOf(pid) {
  return Number(statOf(pid)[1]);
}

/** Resident memory in bytes. @param {number} pid */
export function residentBytes(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

import { shallowReactive } from 'vue';
import { explain } from '../api/explain';

export interface Toast {
  id: number;
  text: string;
  kind: 'note' | 'failure';
  action?: { label: string; run: () => void };
}

const SHOWN_MS = 6_000;

const list = shallowReactive<Toast[]>([]);
let last = 0;

function close(id: number): void {
  const index = list.findIndex((toast) => toast.id === id);
  if (index >= 0) list.splice(index, 1);
}

function show(toast: Omit<Toast, 'id'>, ms = SHOWN_MS): number {
  const id = ++last;
  list.push({ ...toast, id });
  setTimeout(() => close(id), ms);
  return id;
}

export const toasts = {
  list,
  close,
  show,
  /** Says what went wrong with what somebody has asked for. */
  fail: (error: unknown) => show({ kind: 'failure', text: explain(error) }),
};

import { shallowReactive } from 'vue';

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

export const toasts = {
  list,
  close,
  show(toast: Omit<Toast, 'id'>, ms = SHOWN_MS): number {
    const id = ++last;
    list.push({ ...toast, id });
    setTimeout(() => close(id), ms);
    return id;
  },
};

/** A message's place among the versions of it: the messages with the same parent, oldest first. */
export interface Siblings {
  sibling_count: number;
  /** 1 for the oldest. */
  sibling_position: number;
}

interface Child {
  id: string;
  parent_id: string | null;
}

/** `children` holds every child of the messages' parents, oldest first. */
export function withSiblings<T extends Child>(
  messages: readonly T[],
  children: readonly Child[],
): (T & Siblings)[] {
  const families = Map.groupBy(children, (child) => child.parent_id);
  return messages.map((message) => {
    const family = families.get(message.parent_id) ?? [message];
    return {
      ...message,
      sibling_count: family.length,
      sibling_position: family.findIndex((child) => child.id === message.id) + 1,
    };
  });
}

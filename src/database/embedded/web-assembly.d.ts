/** What is used of a global of Node that TypeScript declares for browsers only. */
declare namespace WebAssembly {
  // Opaque: made by `compile`, and handed to the engine.
  interface Module {
    readonly [Symbol.toStringTag]: 'WebAssembly.Module';
  }

  function compile(bytes: Uint8Array): Promise<Module>;
}

// Where the package's code comes from.

/** Where the package's two modules are, or their bytes. */
export interface Modules {
  /** `policy.wasm`; the one beside the package's script when left out. */
  policy?: URL | BufferSource;
  /** `reader.wasm`, which reads policy files; the one beside the package's script when left out. */
  reader?: URL | BufferSource;
}

import type { ChannelArch } from "../core/channel_arch.ts";
import type { FileSystem } from "../core/file_system.ts";
import { ok, type Result } from "../core/result.ts";
import {
  type ClientState,
  EMPTY_CLIENT_STATE,
  loadClientState,
  newestTrust,
  trustPolicyFor,
  updateClientState,
  versionPolicyFor,
  withManifest,
  withTrust,
} from "../manifest/client_state.ts";
import {
  type FetchTrust,
  followTrust,
  MAX_FOLLOWED,
} from "../manifest/trust_chain.ts";
import type { TrustRoot } from "../manifest/trust_root.ts";
import type { TrustedKeys } from "../manifest/trusted_keys.ts";
import type {
  TrustPolicy,
  VerifiedManifest,
} from "../manifest/verify_envelope.ts";
import type { CandidateRefusal } from "./candidate_refusal.ts";

/** What a client is configured to trust. */
export type TrustAnchor =
  /** No keys: images are found, and reported as not verified. */
  | { readonly kind: "nobody" }
  /** These keys and no others. */
  | { readonly kind: "keys"; readonly keys: TrustedKeys }
  /** The keys of a trust document, or of those that succeeded it. */
  | { readonly kind: "root"; readonly shipped: TrustRoot };

/** What a client's trust is built from. */
export interface ClientTrustOptions {
  /** What it is configured to trust. */
  readonly anchor: TrustAnchor;
  /** Where its memory is kept; undefined: nothing is remembered. */
  readonly store: StateStore | undefined;
  /** As in `TrustPolicy`. */
  readonly clockTrusted: boolean;
}

/** What a client trusts, and remembers from one start to the next. */
export class ClientTrust {
  readonly #options: ClientTrustOptions;
  #state: ClientState;
  /** The newest trust document of any provider so far. */
  #root: TrustRoot | undefined;
  /** No later document is followed in this run, from any provider. */
  readonly #upTo: number;
  readonly #problems = new Set<string>();

  private constructor(options: ClientTrustOptions, state: ClientState) {
    const { anchor } = options;
    this.#options = options;
    this.#state = state;
    if (anchor.kind === "root") {
      this.#advance(newestTrust(state, anchor.shipped));
    }
    this.#upTo = (this.#root?.trustVersion ?? 0) + MAX_FOLLOWED;
  }

  /**
   * Reads what was remembered.
   *
   * @throws UserError when the state file is damaged
   */
  static async open(
    options: ClientTrustOptions,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<ClientTrust> {
    const { store } = options;
    const state = store === undefined
      ? EMPTY_CLIENT_STATE
      : await loadClientState(store.path, store.fileSystem, { signal });
    return new ClientTrust(options, state);
  }

  /** Whether anything at all is verified. */
  get isVerifying(): boolean {
    return this.#options.anchor.kind !== "nobody";
  }

  /** The newest trust document so far; undefined: none is followed. */
  get root(): TrustRoot | undefined {
    return this.#root;
  }

  /** Which trust documents were not followed, and why: one line each. */
  get problems(): readonly string[] {
    return [...this.#problems];
  }

  /**
   * What is asked of the manifests of one provider, whose succession of trust
   * documents is followed first.
   *
   * @param fetchTrust gets a trust document of that provider
   * @param options `from`: what people know the provider by
   * @throws what `fetchTrust` throws, and the signal's reason
   */
  async policyFor(
    image: ChannelArch,
    fetchTrust: FetchTrust,
    { from, now, signal }: {
      readonly from: string;
      readonly now: number;
      readonly signal: AbortSignal;
    },
  ): Promise<Result<TrustPolicy, CandidateRefusal>> {
    const { anchor, clockTrusted } = this.#options;
    if (this.#root !== undefined) {
      const { root, refusal } = await followTrust(this.#root, fetchTrust, {
        upTo: this.#upTo,
        signal,
      });
      if (refusal !== undefined) {
        const { message, code } = refusal;
        this.#problems.add(
          `Trust document ${
            root.trustVersion + 1
          } of ${from} is not followed: ${message} (${code})`,
        );
      }
      this.#advance(root);
      return trustPolicyFor(this.#root, {
        state: this.#state,
        image,
        clockTrusted,
        now,
      });
    }
    return ok({
      ...anchor.kind === "keys" && { trusted: anchor.keys },
      image,
      ...versionPolicyFor(this.#state, image),
      clockTrusted,
    });
  }

  /**
   * Whether a manifest that was verified would be again: since then another
   * provider may have shown that its keys were succeeded, as stolen ones are.
   */
  stillTrusts({ verifiedBy }: VerifiedManifest): boolean {
    if (this.#root === undefined) return true;
    const { keys, threshold } = this.#root.manifestKeys;
    return verifiedBy.filter((keyId) => keys.has(keyId)).length >= threshold;
  }

  /**
   * Remembers what was verified, for the next start: the trust documents
   * followed, and the manifests that were accepted. A version by keys that
   * were succeeded since is left out: it may be out of reach for their
   * successors (fast-forward attack; TUF specification, 5.3.11).
   *
   * @throws UserError, FileAccessError when it cannot be written
   */
  async remember(
    accepted: readonly VerifiedManifest[],
    { signal }: { readonly signal: AbortSignal },
  ): Promise<void> {
    const { store } = this.#options;
    if (store === undefined || !this.isVerifying) return;
    const trusted = accepted.filter((verified) => this.stillTrusts(verified));
    await updateClientState(
      store.path,
      (before) => trusted.reduce(withManifest, this.#withRoot(before)),
      store.fileSystem,
      { signal },
    );
  }

  /** Providers are asked side by side: the newest document of all counts. */
  #advance(root: TrustRoot): void {
    if (
      this.#root === undefined || root.trustVersion > this.#root.trustVersion
    ) this.#root = root;
    this.#state = this.#withRoot(this.#state);
  }

  #withRoot(state: ClientState): ClientState {
    const { anchor } = this.#options;
    return anchor.kind === "root" && this.#root !== undefined
      ? withTrust(state, { shipped: anchor.shipped, current: this.#root })
      : state;
  }
}

/** The file that a client's memory is kept in. */
export interface StateStore {
  /** Made when something is remembered first. */
  readonly path: string;
  /** The disk. */
  readonly fileSystem: FileSystem;
}

import type { Condition } from '../../api/conditions.ts';
import type { PodImage } from '../../api/pod-images.ts';
import type { OverridePolicyObject } from '../../karmada/types.ts';

/** What is looked at, in the order in which it is told. */
export const CHECKS = [
  'configuration',
  'server',
  'clock',
  'credentials',
  'version',
  'definitions',
  'rights',
  'operator',
  'policies',
  'patterns',
  'exceptions',
  'trust',
  'registries',
  'karmada',
  'propagation',
  'overrides',
  'lazy',
  'pull-secrets',
  'hidden-images',
] as const;
export type CheckName = (typeof CHECKS)[number];

/** `unseen`: it cannot be known from here; what to do says how to see it. */
export const OUTCOMES = ['problem', 'warning', 'unseen', 'ok'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** One thing that was looked at and what came of it. */
export interface Finding {
  readonly check: CheckName;
  readonly result: Outcome;
  /** One sentence. */
  readonly what: string;
  /** What to do about it, with the command where there is one. Absent where nothing is to be done. */
  readonly todo?: string;
  /** What it is about, `Deployment web/api`; a few of `count`. */
  readonly objects?: readonly string[];
  /** How many there are of what `objects` lists. */
  readonly count?: number;
}

/** Something that was looked at, or why it could not be. */
export type Seen<Value> = { readonly seen: true; readonly value: Value } | { readonly seen: false; readonly why: string };

/** A list of which no more than a bounded number was read. */
export interface Sample<Item> {
  readonly items: readonly Item[];
  /** There are more than were read. */
  readonly more: boolean;
}

/** Where the API server was looked for, and as whom. Times in milliseconds since the epoch. */
export interface AccessFacts {
  /** `kubeconfig /home/u/.kube/config`. */
  readonly source: string;
  readonly server: string;
  readonly context: string;
  /** The certificate of the API server is not checked. */
  readonly insecure: boolean;
  /** When the client certificate or token stops counting, as it says itself. */
  readonly expires?: { readonly of: 'client certificate' | 'token'; readonly at: number };
}

/** Where a call to the API server ended. */
export type Failure = 'address' | 'tls' | 'credentials' | 'answer';

/** What came of the first call to the API server. */
export type ServerFacts =
  | { readonly reached: true; readonly version: string; readonly milliseconds: number; /** By how much its clock is ahead of ours; milliseconds. */ readonly skew?: number }
  | { readonly reached: false; readonly at: Failure; readonly why: string };

/** One verb on one resource. */
export interface Right {
  /** Empty for the core group. */
  readonly group: string;
  /** With its subresource: `imageverifications/status`. */
  readonly resource: string;
  readonly verb: string;
}

/** What somebody may do. */
export interface RightsFacts {
  /** Whose rights were asked for. */
  readonly account: string;
  /** `caller`: not those of the operator, but of whoever asks, who may not ask for others. */
  readonly asked: 'account' | 'caller';
  /** What the operator needs and this account may not do. */
  readonly missing: readonly Right[];
  /** What it may do beyond that, of what would be worth stealing its credentials for. */
  readonly excess: readonly Right[];
  readonly askedFor: number;
}

/** One of our definitions as it is installed. */
export interface DefinitionFacts {
  /** `imageverifications.assay.dev`. */
  readonly name: string;
  readonly state: 'absent' | 'installed' | 'unreadable';
  /** It is served. */
  readonly established?: boolean;
  /** It is the one of this build. */
  readonly same?: boolean;
  /** Fields of this build that it lacks, `spec.pin.followInterval`. */
  readonly lacks?: readonly string[];
  /** Fields that this build does not know. */
  readonly adds?: readonly string[];
}

/** What matters here of a policy. */
export interface PolicyFacts {
  /** `ImageVerification web/release`. */
  readonly id: string;
  /** Absent: the cluster kind. */
  readonly namespace?: string;
  readonly generation: number;
  readonly observedGeneration?: number;
  readonly ready?: Condition;
  readonly suspended: boolean;
  readonly globs: readonly string[];
  /** `Audit` writes to nothing. */
  readonly enforcement: string;
  readonly pinMode: string;
  readonly pinForm: string;
  /** Weak regular expressions of identities, a sentence each. */
  readonly weaknesses: readonly string[];
  /** What it was told not to check, a sentence each. */
  readonly exceptions: readonly string[];
  /** Karmada propagates the policy itself. */
  readonly propagated: boolean;
  /** An image of its status, to ask its registry for. */
  readonly image?: string;
}

/** The trust root that counts where none is given. Times in milliseconds since the epoch. */
export interface TrustFacts {
  /** `trusted_root.json`, `the one of this version`. */
  readonly origin: string;
  /** From when on nobody vouches for it, where it is refreshed. */
  readonly expires?: number;
  readonly refreshedAt?: number;
  /** Certificate authorities that issue today, and all of them. */
  readonly currentAuthorities: number;
  readonly authorities: number;
  /** When the last of those that issue today ends; absent where one has no end. */
  readonly lastEnd?: number;
}

/** What a registry answered to the operator's kind of request. */
export interface RegistryFacts {
  readonly host: string;
  readonly answer: 'Answers' | 'Unauthorized' | 'Throttled' | 'Unreachable';
  readonly why?: string;
}

/** What runs the operator. */
export interface DeploymentFacts {
  /** `Deployment assay-system/assay`. */
  readonly id: string;
  readonly wanted: number;
  readonly available: number;
  readonly image: string;
}

/** Whether a group of Karmada is served. */
export interface GroupFacts {
  readonly group: string;
  readonly state: 'served' | 'absent' | 'outage' | 'unreadable';
  readonly why?: string;
}

/** What matters here of a template. */
export interface TemplateFacts {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly images: readonly Pick<PodImage, 'holder' | 'image' | 'pointer'>[];
  readonly pullSecrets: readonly string[];
}

/** Kinds whose images are not in the object. */
export interface HiddenFacts {
  /** `helmreleases.helm.toolkit.fluxcd.io`. */
  readonly resource: string;
  readonly kind: string;
  readonly count: number;
}

/** How Karmada's controller manager is told what to leave alone. */
export interface SkippedFacts {
  /** Value of `--skipped-propagating-apis`; absent where it is not given. */
  readonly value?: string;
}

/** What is seen of Karmada. */
export interface KarmadaFacts {
  readonly groups: readonly GroupFacts[];
  /** What of Karmada ≥ 1.13 its schemas do not have. */
  readonly lacks: Seen<readonly string[]>;
  readonly lazy: Seen<Sample<string>>;
  readonly overrides: Seen<Sample<OverridePolicyObject>>;
  readonly templates: Seen<Sample<TemplateFacts>>;
  /** `namespace/name` of pull secrets that templates name and that are not there. */
  readonly missingSecrets: Seen<readonly string[]>;
  readonly hidden: Seen<readonly HiddenFacts[]>;
  readonly skipped: Seen<SkippedFacts>;
}

/** What the person said that matters to what is told. */
export interface Settings {
  readonly operatorNamespace: string;
  readonly karmadaNamespace: string;
  /** Registries are asked. */
  readonly askRegistries: boolean;
}

/** Everything that is judged. Nothing of it is secret. */
export interface Facts {
  readonly now: number;
  readonly settings: Settings;
  readonly access: Seen<AccessFacts>;
  /** Absent where there was no address to ask. */
  readonly server?: ServerFacts;
  /** All below is absent where the server did not let us in. */
  readonly caller?: Seen<string>;
  readonly rights?: Seen<RightsFacts>;
  readonly definitions?: Seen<readonly DefinitionFacts[]>;
  readonly policies?: Seen<Sample<PolicyFacts>>;
  readonly operator?: Seen<readonly DeploymentFacts[]>;
  readonly trust: Seen<TrustFacts>;
  readonly registries?: Seen<readonly RegistryFacts[]>;
  readonly karmada?: Seen<KarmadaFacts>;
}

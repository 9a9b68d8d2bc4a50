// The contract's types under short names; schema.d.ts is made from ../openapi.yaml.
import type { components } from './schema';

type Schemas = components['schemas'];

export type Session = Schemas['Session'];
export type Overview = Schemas['Overview'];
export type Attention = Schemas['Attention'];
export type Release = Schemas['Release'];
export type ReleaseList = Schemas['ReleaseList'];
export type Side = Schemas['Side'];
export type Step = Schemas['Step'];
export type Metric = Schemas['Metric'];
export type CheckResult = Schemas['CheckResult'];
export type Decision = Schemas['Decision'];
export type Detail = Schemas['Detail'];
export type Severity = Schemas['Severity'];
export type Verdict = Schemas['Verdict'];
export type Verb = Schemas['Verb'];
export type Health = Schemas['Health'];
export type Problem = Schemas['Problem'];
export type KubeEvent = Schemas['Event'];
export type Topology = Schemas['Topology'];
export type TopologyPatch = Schemas['TopologyPatch'];
export type Node = Schemas['Node'];
export type Edge = Schemas['Edge'];
export type Series = Schemas['Series'];
export type Metrics = Schemas['Metrics'];
export type Comparison = Schemas['Comparison'];
export type Gateway = Schemas['Gateway'];
export type GatewayList = Schemas['GatewayList'];
export type Validation = Schemas['Validation'];
export type ValidationList = Schemas['ValidationList'];
export type ValidationChange = Schemas['ValidationChange'];
export type ErrorBody = Schemas['ErrorBody'];
export type ActionAccepted = Schemas['ActionAccepted'];
export type Deleted = Schemas['Deleted'];

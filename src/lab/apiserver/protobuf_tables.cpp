#include "lab/apiserver/protobuf_tables.hpp"

#include "base/core/result.hpp"
#include "base/core/text.hpp"

#include <array>

namespace sluice::lab::wire {

namespace {

// One message per line: its name, then "number name" with
//   []  repeated, {} map from text, ! a zero is kept, < inlined into the parent,
//   :type  int, bool, bytes, quantity, intstr, time, microtime, raw, or another message; else text.
constexpr std::string_view messages = R"(
ObjectMeta: 1 name, 2 generateName, 3 namespace, 4 selfLink, 5 uid, 6 resourceVersion, 7 generation:int, 8 creationTimestamp:time, 9 deletionTimestamp:time, 10 deletionGracePeriodSeconds!:int, 11 labels{}, 12 annotations{}, 13 ownerReferences[]:OwnerReference, 14 finalizers[], 17 managedFields[]:ManagedFieldsEntry
OwnerReference: 1 kind, 3 name, 4 uid, 5 apiVersion, 6 controller!:bool, 7 blockOwnerDeletion!:bool
ManagedFieldsEntry: 1 manager, 2 operation, 3 apiVersion, 4 time:time, 6 fieldsType, 7 fieldsV1:raw, 8 subresource
LabelSelector: 1 matchLabels{}, 2 matchExpressions[]:LabelSelectorRequirement
LabelSelectorRequirement: 1 key, 2 operator, 3 values[]
DeleteOptions: 1 gracePeriodSeconds!:int, 2 preconditions:Preconditions, 3 orphanDependents!:bool, 4 propagationPolicy, 5 dryRun[]
Preconditions: 1 uid, 2 resourceVersion
Condition: 1 type, 2 status, 3 observedGeneration:int, 4 lastTransitionTime:time, 5 reason, 6 message
LocalObjectReference: 1 name
ObjectReference: 1 kind, 2 namespace, 3 name, 4 uid, 5 apiVersion, 6 resourceVersion, 7 fieldPath

Namespace: 1 metadata:ObjectMeta, 2 spec:NamespaceSpec, 3 status:NamespaceStatus
NamespaceSpec: 1 finalizers[]
NamespaceStatus: 1 phase, 2 conditions[]:NamespaceCondition
NamespaceCondition: 1 type, 2 status, 4 lastTransitionTime:time, 5 reason, 6 message
ConfigMap: 1 metadata:ObjectMeta, 2 data{}, 3 binaryData{}:bytes, 4 immutable!:bool
Secret: 1 metadata:ObjectMeta, 2 data{}:bytes, 3 type, 4 stringData{}, 5 immutable!:bool
ServiceAccount: 1 metadata:ObjectMeta, 2 secrets[]:ObjectReference, 3 imagePullSecrets[]:LocalObjectReference, 4 automountServiceAccountToken!:bool
Service: 1 metadata:ObjectMeta, 2 spec:ServiceSpec, 3 status:ServiceStatus
ServiceSpec: 1 ports[]:ServicePort, 2 selector{}, 3 clusterIP, 4 type, 5 externalIPs[], 7 sessionAffinity, 8 loadBalancerIP, 9 loadBalancerSourceRanges[], 10 externalName, 11 externalTrafficPolicy, 12 healthCheckNodePort:int, 13 publishNotReadyAddresses:bool, 14 sessionAffinityConfig:SessionAffinityConfig, 17 ipFamilyPolicy, 18 clusterIPs[], 19 ipFamilies[], 20 allocateLoadBalancerNodePorts!:bool, 21 loadBalancerClass, 22 internalTrafficPolicy, 23 trafficDistribution
ServicePort: 1 name, 2 protocol, 3 port:int, 4 targetPort:intstr, 5 nodePort:int, 6 appProtocol
SessionAffinityConfig: 1 clientIP:ClientIPConfig
ClientIPConfig: 1 timeoutSeconds!:int
ServiceStatus: 1 loadBalancer:LoadBalancerStatus, 2 conditions[]:Condition
LoadBalancerStatus: 1 ingress[]:LoadBalancerIngress
LoadBalancerIngress: 1 ip, 2 hostname, 3 ipMode, 4 ports[]:PortStatus
PortStatus: 1 port:int, 2 protocol, 3 error

Deployment: 1 metadata:ObjectMeta, 2 spec:DeploymentSpec, 3 status:DeploymentStatus
DeploymentSpec: 1 replicas!:int, 2 selector:LabelSelector, 3 template:PodTemplateSpec, 4 strategy:DeploymentStrategy, 5 minReadySeconds:int, 6 revisionHistoryLimit!:int, 7 paused:bool, 9 progressDeadlineSeconds!:int
DeploymentStrategy: 1 type, 2 rollingUpdate:RollingUpdate
RollingUpdate: 1 maxUnavailable!:intstr, 2 maxSurge!:intstr
DeploymentStatus: 1 observedGeneration:int, 2 replicas:int, 3 updatedReplicas:int, 4 availableReplicas:int, 5 unavailableReplicas:int, 6 conditions[]:DeploymentCondition, 7 readyReplicas:int, 8 collisionCount!:int, 9 terminatingReplicas!:int
DeploymentCondition: 1 type, 2 status, 4 reason, 5 message, 6 lastUpdateTime:time, 7 lastTransitionTime:time
ReplicaSet: 1 metadata:ObjectMeta, 2 spec:ReplicaSetSpec, 3 status:ReplicaSetStatus
ReplicaSetSpec: 1 replicas!:int, 2 selector:LabelSelector, 3 template:PodTemplateSpec, 4 minReadySeconds:int
ReplicaSetStatus: 1 replicas:int, 2 fullyLabeledReplicas:int, 3 observedGeneration:int, 4 readyReplicas:int, 5 availableReplicas:int, 6 conditions[]:WorkloadCondition, 7 terminatingReplicas!:int
WorkloadCondition: 1 type, 2 status, 3 lastTransitionTime:time, 4 reason, 5 message
DaemonSet: 1 metadata:ObjectMeta, 2 spec:DaemonSetSpec, 3 status:DaemonSetStatus
DaemonSetSpec: 1 selector:LabelSelector, 2 template:PodTemplateSpec, 3 updateStrategy:DeploymentStrategy, 4 minReadySeconds:int, 6 revisionHistoryLimit!:int
DaemonSetStatus: 1 currentNumberScheduled:int, 2 numberMisscheduled:int, 3 desiredNumberScheduled:int, 4 numberReady:int, 5 observedGeneration:int, 6 updatedNumberScheduled:int, 7 numberAvailable:int, 8 numberUnavailable:int, 9 collisionCount!:int, 10 conditions[]:WorkloadCondition
ControllerRevision: 1 metadata:ObjectMeta, 2 data:raw, 3 revision:int
Scale: 1 metadata:ObjectMeta, 2 spec:ScaleSpec, 3 status:ScaleStatus
ScaleSpec: 1 replicas:int
ScaleStatus: 1 replicas:int, 2 selector

Pod: 1 metadata:ObjectMeta, 2 spec:PodSpec, 3 status:PodStatus
PodStatus: 1 phase, 3 message, 4 reason
PodTemplateSpec: 1 metadata:ObjectMeta, 2 spec:PodSpec
PodSpec: 1 volumes[]:Volume, 2 containers[]:Container, 3 restartPolicy, 4 terminationGracePeriodSeconds!:int, 5 activeDeadlineSeconds!:int, 6 dnsPolicy, 7 nodeSelector{}, 8 serviceAccountName, 9 serviceAccount, 10 nodeName, 11 hostNetwork:bool, 12 hostPID:bool, 13 hostIPC:bool, 14 securityContext:PodSecurityContext, 15 imagePullSecrets[]:LocalObjectReference, 16 hostname, 17 subdomain, 18 affinity:Affinity, 19 schedulerName, 20 initContainers[]:Container, 21 automountServiceAccountToken!:bool, 22 tolerations[]:Toleration, 23 hostAliases[]:HostAlias, 24 priorityClassName, 25 priority!:int, 26 dnsConfig:DNSConfig, 27 shareProcessNamespace!:bool, 28 readinessGates[]:ReadinessGate, 29 runtimeClassName, 30 enableServiceLinks!:bool, 31 preemptionPolicy, 32 overhead{}:quantity, 33 topologySpreadConstraints[]:TopologySpreadConstraint, 34 ephemeralContainers[]:EphemeralContainer, 35 setHostnameAsFQDN!:bool, 36 os:PodOS, 37 hostUsers!:bool, 38 schedulingGates[]:SchedulingGate, 40 resources:ResourceRequirements
PodOS: 1 name
SchedulingGate: 1 name
ReadinessGate: 1 conditionType
HostAlias: 1 ip, 2 hostnames[]
DNSConfig: 1 nameservers[], 2 searches[], 3 options[]:DNSOption
DNSOption: 1 name, 2 value!
Toleration: 1 key, 2 operator, 3 value, 4 effect, 5 tolerationSeconds!:int
TopologySpreadConstraint: 1 maxSkew:int, 2 topologyKey, 3 whenUnsatisfiable, 4 labelSelector:LabelSelector, 5 minDomains!:int, 6 nodeAffinityPolicy, 7 nodeTaintsPolicy, 8 matchLabelKeys[]
Affinity: 1 nodeAffinity:NodeAffinity, 2 podAffinity:PodAffinity, 3 podAntiAffinity:PodAffinity
NodeAffinity: 1 requiredDuringSchedulingIgnoredDuringExecution:NodeSelector, 2 preferredDuringSchedulingIgnoredDuringExecution[]:PreferredSchedulingTerm
NodeSelector: 1 nodeSelectorTerms[]:NodeSelectorTerm
NodeSelectorTerm: 1 matchExpressions[]:LabelSelectorRequirement, 2 matchFields[]:LabelSelectorRequirement
PreferredSchedulingTerm: 1 weight:int, 2 preference:NodeSelectorTerm
PodAffinity: 1 requiredDuringSchedulingIgnoredDuringExecution[]:PodAffinityTerm, 2 preferredDuringSchedulingIgnoredDuringExecution[]:WeightedPodAffinityTerm
PodAffinityTerm: 1 labelSelector:LabelSelector, 2 namespaces[], 3 topologyKey, 4 namespaceSelector:LabelSelector, 5 matchLabelKeys[], 6 mismatchLabelKeys[]
WeightedPodAffinityTerm: 1 weight:int, 2 podAffinityTerm:PodAffinityTerm
PodSecurityContext: 1 seLinuxOptions:SELinuxOptions, 2 runAsUser!:int, 3 runAsNonRoot!:bool, 4 supplementalGroups[]:int, 5 fsGroup!:int, 6 runAsGroup!:int, 7 sysctls[]:HTTPHeader, 9 fsGroupChangePolicy, 10 seccompProfile:SeccompProfile, 11 appArmorProfile:SeccompProfile, 12 supplementalGroupsPolicy
SecurityContext: 1 capabilities:Capabilities, 2 privileged!:bool, 3 seLinuxOptions:SELinuxOptions, 4 runAsUser!:int, 5 runAsNonRoot!:bool, 6 readOnlyRootFilesystem!:bool, 7 allowPrivilegeEscalation!:bool, 8 runAsGroup!:int, 9 procMount, 11 seccompProfile:SeccompProfile, 12 appArmorProfile:SeccompProfile
SELinuxOptions: 1 user, 2 role, 3 type, 4 level
SeccompProfile: 1 type, 2 localhostProfile
Capabilities: 1 add[], 2 drop[]
Container: 1 name, 2 image, 3 command[], 4 args[], 5 workingDir, 6 ports[]:ContainerPort, 7 env[]:EnvVar, 8 resources:ResourceRequirements, 9 volumeMounts[]:VolumeMount, 10 livenessProbe:Probe, 11 readinessProbe:Probe, 12 lifecycle:Lifecycle, 13 terminationMessagePath, 14 imagePullPolicy, 15 securityContext:SecurityContext, 16 stdin:bool, 17 stdinOnce:bool, 18 tty:bool, 19 envFrom[]:EnvFromSource, 20 terminationMessagePolicy, 21 volumeDevices[]:VolumeDevice, 22 startupProbe:Probe, 23 resizePolicy[]:ResizePolicy, 24 restartPolicy
EphemeralContainer: 1 ephemeralContainerCommon<:Container, 2 targetContainerName
ContainerPort: 1 name, 2 hostPort:int, 3 containerPort:int, 4 protocol, 5 hostIP
VolumeDevice: 1 name, 2 devicePath
ResizePolicy: 1 resourceName, 2 restartPolicy
EnvVar: 1 name, 2 value, 3 valueFrom:EnvVarSource
EnvVarSource: 1 fieldRef:ObjectFieldSelector, 2 resourceFieldRef:ResourceFieldSelector, 3 configMapKeyRef:KeySelector, 4 secretKeyRef:KeySelector
ObjectFieldSelector: 1 apiVersion, 2 fieldPath
ResourceFieldSelector: 1 containerName, 2 resource, 3 divisor:quantity
KeySelector: 1 localObjectReference<:LocalObjectReference, 2 key, 3 optional!:bool
EnvFromSource: 1 prefix, 2 configMapRef:EnvSource, 3 secretRef:EnvSource
EnvSource: 1 localObjectReference<:LocalObjectReference, 2 optional!:bool
ResourceRequirements: 1 limits{}:quantity, 2 requests{}:quantity, 3 claims[]:ResourceClaim
ResourceClaim: 1 name, 2 request
VolumeMount: 1 name, 2 readOnly:bool, 3 mountPath, 4 subPath, 5 mountPropagation, 6 subPathExpr, 7 recursiveReadOnly
Probe: 1 handler<:Handler, 2 initialDelaySeconds:int, 3 timeoutSeconds:int, 4 periodSeconds:int, 5 successThreshold:int, 6 failureThreshold:int, 7 terminationGracePeriodSeconds!:int
Handler: 1 exec:ExecAction, 2 httpGet:HTTPGetAction, 3 tcpSocket:TCPSocketAction, 4 grpc:GRPCAction
LifecycleHandler: 1 exec:ExecAction, 2 httpGet:HTTPGetAction, 3 tcpSocket:TCPSocketAction, 4 sleep:SleepAction
Lifecycle: 1 postStart:LifecycleHandler, 2 preStop:LifecycleHandler, 3 stopSignal
ExecAction: 1 command[]
HTTPGetAction: 1 path, 2 port:intstr, 3 host, 4 scheme, 5 httpHeaders[]:HTTPHeader
HTTPHeader: 1 name, 2 value
TCPSocketAction: 1 port:intstr, 2 host
GRPCAction: 1 port:int, 2 service!
SleepAction: 1 seconds:int
Volume: 1 name, 2 volumeSource<:VolumeSource
VolumeSource: 1 hostPath:HostPath, 2 emptyDir!:EmptyDir, 6 secret:SecretVolume, 10 persistentVolumeClaim:ClaimVolume, 16 downwardAPI:DownwardVolume, 19 configMap:ConfigMapVolume, 26 projected:ProjectedVolume
HostPath: 1 path, 2 type
EmptyDir: 1 medium, 2 sizeLimit:quantity
SecretVolume: 1 secretName, 2 items[]:KeyToPath, 3 defaultMode!:int, 4 optional!:bool
ConfigMapVolume: 1 localObjectReference<:LocalObjectReference, 2 items[]:KeyToPath, 3 defaultMode!:int, 4 optional!:bool
KeyToPath: 1 key, 2 path, 3 mode!:int
ClaimVolume: 1 claimName, 2 readOnly:bool
DownwardVolume: 1 items[]:DownwardFile, 2 defaultMode!:int
DownwardFile: 1 path, 2 fieldRef:ObjectFieldSelector, 3 resourceFieldRef:ResourceFieldSelector, 4 mode!:int
ProjectedVolume: 1 sources[]:VolumeProjection, 2 defaultMode!:int
VolumeProjection: 1 secret:ConfigMapProjection, 2 downwardAPI:DownwardVolume, 3 configMap:ConfigMapProjection, 4 serviceAccountToken:TokenProjection
ConfigMapProjection: 1 localObjectReference<:LocalObjectReference, 2 items[]:KeyToPath, 4 optional!:bool
TokenProjection: 1 audience, 2 expirationSeconds!:int, 3 path

HorizontalPodAutoscaler1: 1 metadata:ObjectMeta, 2 spec:HorizontalPodAutoscalerSpec1, 3 status:HorizontalPodAutoscalerStatus1
HorizontalPodAutoscalerSpec1: 1 scaleTargetRef:CrossVersionObjectReference, 2 minReplicas!:int, 3 maxReplicas:int, 4 targetCPUUtilizationPercentage!:int
HorizontalPodAutoscalerStatus1: 1 observedGeneration!:int, 2 lastScaleTime:time, 3 currentReplicas:int, 4 desiredReplicas:int, 5 currentCPUUtilizationPercentage!:int
CrossVersionObjectReference: 1 kind, 2 name, 3 apiVersion
HorizontalPodAutoscaler2: 1 metadata:ObjectMeta, 2 spec:HorizontalPodAutoscalerSpec2, 3 status:HorizontalPodAutoscalerStatus2
HorizontalPodAutoscalerSpec2: 1 scaleTargetRef:CrossVersionObjectReference, 2 minReplicas!:int, 3 maxReplicas:int, 4 metrics[]:MetricSpec, 5 behavior:Behavior
HorizontalPodAutoscalerStatus2: 1 observedGeneration!:int, 2 lastScaleTime:time, 3 currentReplicas:int, 4 desiredReplicas:int
MetricSpec: 1 type, 2 object:ObjectMetric, 3 pods:PodsMetric, 4 resource:ResourceMetric, 5 external:PodsMetric, 7 containerResource:ContainerResourceMetric
ObjectMetric: 1 describedObject:CrossVersionObjectReference, 2 target:MetricTarget, 3 metric:MetricIdentifier
PodsMetric: 1 metric:MetricIdentifier, 2 target:MetricTarget
ResourceMetric: 1 name, 2 target:MetricTarget
ContainerResourceMetric: 1 name, 2 target:MetricTarget, 3 container
MetricIdentifier: 1 name, 2 selector:LabelSelector
MetricTarget: 1 type, 2 value:quantity, 3 averageValue:quantity, 4 averageUtilization!:int
Behavior: 1 scaleUp:ScalingRules, 2 scaleDown:ScalingRules
ScalingRules: 1 selectPolicy, 2 policies[]:ScalingPolicy, 3 stabilizationWindowSeconds!:int, 4 tolerance:quantity
ScalingPolicy: 1 type, 2 value:int, 3 periodSeconds:int

Job: 1 metadata:ObjectMeta, 2 spec:JobSpec, 3 status:JobStatus
JobSpec: 1 parallelism!:int, 2 completions!:int, 3 activeDeadlineSeconds!:int, 4 selector:LabelSelector, 5 manualSelector!:bool, 6 template:PodTemplateSpec, 7 backoffLimit!:int, 8 ttlSecondsAfterFinished!:int, 9 completionMode, 10 suspend!:bool, 12 backoffLimitPerIndex!:int, 13 maxFailedIndexes!:int, 14 podReplacementPolicy, 15 managedBy
JobStatus: 1 conditions[]:JobCondition, 2 startTime:time, 3 completionTime:time, 4 active:int, 5 succeeded:int, 6 failed:int, 7 completedIndexes, 9 ready!:int, 10 failedIndexes!, 11 terminating!:int
JobCondition: 1 type, 2 status, 3 lastProbeTime:time, 4 lastTransitionTime:time, 5 reason, 6 message
CronJob: 1 metadata:ObjectMeta, 2 spec:CronJobSpec, 3 status:CronJobStatus
CronJobSpec: 1 schedule, 2 startingDeadlineSeconds!:int, 3 concurrencyPolicy, 4 suspend!:bool, 5 jobTemplate:JobTemplateSpec, 6 successfulJobsHistoryLimit!:int, 7 failedJobsHistoryLimit!:int, 8 timeZone
CronJobStatus: 1 active[]:ObjectReference, 4 lastScheduleTime:time, 5 lastSuccessfulTime:time
JobTemplateSpec: 1 metadata:ObjectMeta, 2 spec:JobSpec

Role: 1 metadata:ObjectMeta, 2 rules[]:PolicyRule
ClusterRole: 1 metadata:ObjectMeta, 2 rules[]:PolicyRule, 3 aggregationRule:AggregationRule
AggregationRule: 1 clusterRoleSelectors[]:LabelSelector
PolicyRule: 1 verbs[], 2 apiGroups[], 3 resources[], 4 resourceNames[], 5 nonResourceURLs[]
RoleBinding: 1 metadata:ObjectMeta, 2 subjects[]:Subject, 3 roleRef:RoleRef
Subject: 1 kind, 2 apiGroup, 3 name, 4 namespace
RoleRef: 1 apiGroup, 2 kind, 3 name
ResourceQuota: 1 metadata:ObjectMeta, 2 spec:ResourceQuotaSpec, 3 status:ResourceQuotaStatus
ResourceQuotaSpec: 1 hard{}:quantity, 2 scopes[], 3 scopeSelector:ScopeSelector
ScopeSelector: 1 matchExpressions[]:ScopeRequirement
ScopeRequirement: 1 scopeName, 2 operator, 3 values[]
ResourceQuotaStatus: 1 hard{}:quantity, 2 used{}:quantity
PodDisruptionBudget: 1 metadata:ObjectMeta, 2 spec:PodDisruptionBudgetSpec, 3 status:PodDisruptionBudgetStatus
PodDisruptionBudgetSpec: 1 minAvailable!:intstr, 2 selector:LabelSelector, 3 maxUnavailable!:intstr, 4 unhealthyPodEvictionPolicy
PodDisruptionBudgetStatus: 1 observedGeneration:int, 3 disruptionsAllowed:int, 4 currentHealthy:int, 5 desiredHealthy:int, 6 expectedPods:int
Ingress: 1 metadata:ObjectMeta, 2 spec:IngressSpec, 3 status:IngressStatus
IngressSpec: 1 defaultBackend:IngressBackend, 2 tls[]:IngressTLS, 3 rules[]:IngressRule, 4 ingressClassName
IngressClass: 1 metadata:ObjectMeta, 2 spec:IngressClassSpec
IngressClassSpec: 1 controller, 2 parameters:IngressClassParameters
IngressClassParameters: 1 apiGroup, 2 kind, 3 name, 4 scope, 5 namespace
IngressStatus: 1 loadBalancer:LoadBalancerStatus
IngressBackend: 3 resource:TypedLocalObjectReference, 4 service:IngressServiceBackend
TypedLocalObjectReference: 1 apiGroup, 2 kind, 3 name
IngressServiceBackend: 1 name, 2 port:ServiceBackendPort
ServiceBackendPort: 1 name, 2 number:int
IngressTLS: 1 hosts[], 2 secretName
IngressRule: 1 host, 2 ingressRuleValue<:IngressRuleValue
IngressRuleValue: 1 http:HTTPIngressRuleValue
HTTPIngressRuleValue: 1 paths[]:HTTPIngressPath
HTTPIngressPath: 1 path, 2 backend:IngressBackend, 3 pathType

SelfSubjectAccessReview: 1 metadata:ObjectMeta, 2 spec:SelfSubjectAccessReviewSpec, 3 status:SubjectAccessReviewStatus
SelfSubjectAccessReviewSpec: 1 resourceAttributes:ResourceAttributes, 2 nonResourceAttributes:NonResourceAttributes
ResourceAttributes: 1 namespace, 2 verb, 3 group, 4 version, 5 resource, 6 subresource, 7 name
NonResourceAttributes: 1 path, 2 verb
SubjectAccessReviewStatus: 1 allowed:bool, 2 reason, 3 evaluationError, 4 denied:bool
SelfSubjectRulesReview: 1 metadata:ObjectMeta, 2 spec:SelfSubjectRulesReviewSpec
SelfSubjectRulesReviewSpec: 1 namespace
SelfSubjectReview: 1 metadata:ObjectMeta, 2 status:SelfSubjectReviewStatus
SelfSubjectReviewStatus: 1 userInfo:UserInfo
UserInfo: 1 username, 2 uid, 3 groups[]
Eviction: 1 metadata:ObjectMeta, 2 deleteOptions:DeleteOptions
TokenRequest: 1 metadata:ObjectMeta, 2 spec:TokenRequestSpec, 3 status:TokenRequestStatus
TokenRequestSpec: 1 audiences[], 3 boundObjectRef:BoundObjectReference, 4 expirationSeconds!:int
BoundObjectReference: 1 kind, 2 apiVersion, 3 name, 4 uid
TokenRequestStatus: 1 token, 2 expirationTimestamp:time
Lease: 1 metadata:ObjectMeta, 2 spec:LeaseSpec
LeaseSpec: 1 holderIdentity!, 2 leaseDurationSeconds!:int, 3 acquireTime:microtime, 4 renewTime:microtime, 5 leaseTransitions!:int, 6 strategy, 7 preferredHolder
Event: 1 metadata:ObjectMeta, 2 involvedObject:ObjectReference, 3 reason, 4 message, 5 source:EventSource, 6 firstTimestamp:time, 7 lastTimestamp:time, 8 count:int, 9 type, 10 eventTime:microtime, 11 series:EventSeries, 12 action, 13 related:ObjectReference, 14 reportingComponent, 15 reportingInstance
EventSource: 1 component, 2 host
EventSeries: 1 count:int, 2 lastObservedTime:microtime
)";

struct KindRow {
    std::string_view api_version;
    std::string_view kind;
    std::string_view message;
};

// An empty apiVersion stands for any.
constexpr std::array kinds{
    KindRow{"", "DeleteOptions", "DeleteOptions"},
    KindRow{"v1", "Namespace", "Namespace"},
    KindRow{"v1", "ConfigMap", "ConfigMap"},
    KindRow{"v1", "Secret", "Secret"},
    KindRow{"v1", "ServiceAccount", "ServiceAccount"},
    KindRow{"v1", "Service", "Service"},
    KindRow{"v1", "Pod", "Pod"},
    KindRow{"v1", "Event", "Event"},
    KindRow{"v1", "ResourceQuota", "ResourceQuota"},
    KindRow{"apps/v1", "Deployment", "Deployment"},
    KindRow{"apps/v1", "ReplicaSet", "ReplicaSet"},
    KindRow{"apps/v1", "DaemonSet", "DaemonSet"},
    KindRow{"apps/v1", "ControllerRevision", "ControllerRevision"},
    KindRow{"autoscaling/v1", "HorizontalPodAutoscaler", "HorizontalPodAutoscaler1"},
    KindRow{"autoscaling/v1", "Scale", "Scale"},
    KindRow{"autoscaling/v2", "HorizontalPodAutoscaler", "HorizontalPodAutoscaler2"},
    KindRow{"batch/v1", "Job", "Job"},
    KindRow{"batch/v1", "CronJob", "CronJob"},
    KindRow{"rbac.authorization.k8s.io/v1", "Role", "Role"},
    KindRow{"rbac.authorization.k8s.io/v1", "ClusterRole", "ClusterRole"},
    KindRow{"rbac.authorization.k8s.io/v1", "RoleBinding", "RoleBinding"},
    KindRow{"rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "RoleBinding"},
    KindRow{"policy/v1", "PodDisruptionBudget", "PodDisruptionBudget"},
    KindRow{"policy/v1", "Eviction", "Eviction"},
    KindRow{"networking.k8s.io/v1", "Ingress", "Ingress"},
    KindRow{"networking.k8s.io/v1", "IngressClass", "IngressClass"},
    KindRow{"authorization.k8s.io/v1", "SelfSubjectAccessReview", "SelfSubjectAccessReview"},
    KindRow{"authorization.k8s.io/v1", "SelfSubjectRulesReview", "SelfSubjectRulesReview"},
    KindRow{"authentication.k8s.io/v1", "SelfSubjectReview", "SelfSubjectReview"},
    KindRow{"authentication.k8s.io/v1", "TokenRequest", "TokenRequest"},
    KindRow{"coordination.k8s.io/v1", "Lease", "Lease"},
};

constexpr std::array<std::pair<std::string_view, FieldType>, 8> type_names{{
    {"int", FieldType::integer},
    {"bool", FieldType::boolean},
    {"bytes", FieldType::bytes},
    {"quantity", FieldType::quantity},
    {"intstr", FieldType::int_or_string},
    {"time", FieldType::time},
    {"microtime", FieldType::micro_time},
    {"raw", FieldType::raw_json},
}};

using MessageMap = std::map<std::string, MessageShape, std::less<>>;

std::pair<std::uint32_t, FieldRule> read_rule(std::string_view text) {
    const auto blank = text.find(' ');
    SLUICE_ASSERT(blank != std::string_view::npos);
    const auto number = parse_integer(text.substr(0, blank));
    SLUICE_ASSERT(number.has_value());
    auto name = text.substr(blank + 1);

    FieldRule rule;
    if (const auto colon = name.find(':'); colon != std::string_view::npos) {
        const auto type = name.substr(colon + 1);
        name = name.substr(0, colon);
        rule.type = FieldType::message;
        rule.message_name = std::string(type);
        for (const auto& [known, is] : type_names) {
            if (type == known) rule.type = is;
        }
    }
    const auto ends_in = [&name](std::string_view mark) {
        if (!name.ends_with(mark)) return false;
        name.remove_suffix(mark.size());
        return true;
    };
    if (ends_in("[]")) rule.shape = FieldShape::list;
    if (ends_in("{}")) rule.shape = FieldShape::map;
    rule.keeps_zero = ends_in("!");
    rule.is_inline = ends_in("<");
    rule.name = std::string(name);
    return {static_cast<std::uint32_t>(*number), std::move(rule)};
}

MessageMap read_messages() {
    MessageMap map;
    for (const auto line : split(messages, '\n')) {
        const auto colon = line.find(": ");
        if (colon == std::string_view::npos) continue;
        MessageShape shape{std::string(line.substr(0, colon))};
        for (const auto part : split(line.substr(colon + 2), ',')) {
            shape.fields.insert(read_rule(trimmed(part)));
        }
        map.emplace(shape.name, std::move(shape));
    }
    for (auto& [name, shape] : map) {
        for (auto& [number, rule] : shape.fields) {
            if (rule.type != FieldType::message) continue;
            const auto found = map.find(rule.message_name);
            SLUICE_ASSERT(found != map.end());
            rule.message = &found->second;
        }
    }
    return map;
}

}  // namespace

const MessageShape* message_of_kind(std::string_view api_version, std::string_view kind) {
    static const MessageMap map = read_messages();
    for (const auto& row : kinds) {
        if (row.kind != kind) continue;
        if (!row.api_version.empty() && row.api_version != api_version) continue;
        return &map.find(row.message)->second;
    }
    return nullptr;
}

}  // namespace sluice::lab::wire

// The table that builtin_fields.cpp reads: one type a line (a type may go on in further lines),
// `Type = field:code …`. A word without a code brings in the members of that type.
//
//   s text   i int32   l int64   b bool   x int or text   q quantity   o anything
//   [T] list, whole   [T|key,…] list of items told apart by these members   [s*] set of texts
//   {T} map of texts to T   Type: a line of its own   Kind/version: that version of a kind only
#pragma once

#include <string_view>

namespace sluice::lab {

inline constexpr std::string_view builtin_table = R"TABLE(
TypeMeta = apiVersion:s kind:s
ObjectMeta = name:s generateName:s namespace:s selfLink:s uid:s resourceVersion:s generation:l creationTimestamp:s
ObjectMeta = deletionTimestamp:s deletionGracePeriodSeconds:l labels:{s} annotations:{s}
ObjectMeta = ownerReferences:[OwnerReference|uid] finalizers:[s*] managedFields:[o]
OwnerReference = apiVersion:s kind:s name:s uid:s controller:b blockOwnerDeletion:b
Whole = TypeMeta metadata:ObjectMeta

LabelSelector = matchLabels:{s} matchExpressions:[LabelRequirement]
LabelRequirement = key:s operator:s values:[s]
LocalRef = name:s
ObjectRef = kind:s namespace:s name:s uid:s apiVersion:s resourceVersion:s fieldPath:s
TypedRef = apiGroup:s kind:s name:s namespace:s
Condition = type:s status:s observedGeneration:l lastTransitionTime:s reason:s message:s
Condition = lastUpdateTime:s lastProbeTime:s lastHeartbeatTime:s

Namespace = Whole spec:NamespaceSpec status:NamespaceStatus
NamespaceSpec = finalizers:[s]
NamespaceStatus = phase:s conditions:[Condition|type]

ConfigMap = Whole data:{s} binaryData:{s} immutable:b
Secret = Whole data:{s} stringData:{s} type:s immutable:b
ServiceAccount = Whole secrets:[ObjectRef|name] imagePullSecrets:[LocalRef|name] automountServiceAccountToken:b

Pod = Whole spec:PodSpec status:PodStatus
PodTemplate = metadata:ObjectMeta spec:PodSpec
PodSpec = volumes:[Volume|name] initContainers:[Container|name] containers:[Container|name]
PodSpec = ephemeralContainers:[EphemeralContainer|name] restartPolicy:s terminationGracePeriodSeconds:l
PodSpec = activeDeadlineSeconds:l dnsPolicy:s nodeSelector:{s} serviceAccountName:s serviceAccount:s
PodSpec = automountServiceAccountToken:b nodeName:s hostNetwork:b hostPID:b hostIPC:b shareProcessNamespace:b
PodSpec = securityContext:PodSecurityContext imagePullSecrets:[LocalRef|name] hostname:s subdomain:s affinity:Affinity
PodSpec = schedulerName:s tolerations:[Toleration] hostAliases:[HostAlias|ip] priorityClassName:s priority:i
PodSpec = dnsConfig:DnsConfig readinessGates:[ReadinessGate] runtimeClassName:s enableServiceLinks:b preemptionPolicy:s
PodSpec = overhead:{q} topologySpreadConstraints:[TopologySpread|topologyKey,whenUnsatisfiable] setHostnameAsFQDN:b
PodSpec = os:LocalRef hostUsers:b schedulingGates:[LocalRef|name] resourceClaims:[PodResourceClaim|name]
PodSpec = resources:Resources hostnameOverride:s workloadRef:o
PodResourceClaim = name:s resourceClaimName:s resourceClaimTemplateName:s
ReadinessGate = conditionType:s
HostAlias = ip:s hostnames:[s]
DnsConfig = nameservers:[s] searches:[s] options:[DnsOption]
DnsOption = name:s value:s
Toleration = key:s operator:s value:s effect:s tolerationSeconds:l
TopologySpread = maxSkew:i topologyKey:s whenUnsatisfiable:s labelSelector:LabelSelector minDomains:i
TopologySpread = nodeAffinityPolicy:s nodeTaintsPolicy:s matchLabelKeys:[s]
Affinity = nodeAffinity:NodeAffinity podAffinity:PodAffinity podAntiAffinity:PodAffinity
NodeAffinity = requiredDuringSchedulingIgnoredDuringExecution:NodeSelector
NodeAffinity = preferredDuringSchedulingIgnoredDuringExecution:[PreferredNode]
NodeSelector = nodeSelectorTerms:[NodeSelectorTerm]
NodeSelectorTerm = matchExpressions:[LabelRequirement] matchFields:[LabelRequirement]
PreferredNode = weight:i preference:NodeSelectorTerm
PodAffinity = requiredDuringSchedulingIgnoredDuringExecution:[PodAffinityTerm]
PodAffinity = preferredDuringSchedulingIgnoredDuringExecution:[WeightedPodAffinity]
WeightedPodAffinity = weight:i podAffinityTerm:PodAffinityTerm
PodAffinityTerm = labelSelector:LabelSelector namespaces:[s] topologyKey:s namespaceSelector:LabelSelector
PodAffinityTerm = matchLabelKeys:[s] mismatchLabelKeys:[s]
PodSecurityContext = seLinuxOptions:SeLinux windowsOptions:o runAsUser:l runAsGroup:l runAsNonRoot:b supplementalGroups:[l]
PodSecurityContext = supplementalGroupsPolicy:s fsGroup:l sysctls:[Sysctl] fsGroupChangePolicy:s seccompProfile:Profile
PodSecurityContext = appArmorProfile:Profile seLinuxChangePolicy:s
SeLinux = user:s role:s type:s level:s
Sysctl = name:s value:s
Profile = type:s localhostProfile:s

Container = name:s image:s command:[s] args:[s] workingDir:s ports:[ContainerPort|containerPort,protocol]
Container = envFrom:[EnvFrom] env:[EnvVar|name] resources:Resources resizePolicy:[ResizePolicy] restartPolicy:s
Container = restartPolicyRules:[o] volumeMounts:[VolumeMount|mountPath] volumeDevices:[VolumeDevice|devicePath]
Container = livenessProbe:Probe readinessProbe:Probe startupProbe:Probe lifecycle:Lifecycle terminationMessagePath:s
Container = terminationMessagePolicy:s imagePullPolicy:s securityContext:SecurityContext stdin:b stdinOnce:b tty:b
EphemeralContainer = Container targetContainerName:s
ContainerPort = name:s hostPort:i containerPort:i protocol:s hostIP:s
EnvFrom = prefix:s configMapRef:OptionalRef secretRef:OptionalRef
OptionalRef = name:s optional:b
EnvVar = name:s value:s valueFrom:EnvSource
EnvSource = fieldRef:FieldRef resourceFieldRef:ResourceFieldRef configMapKeyRef:KeyRef secretKeyRef:KeyRef fileKeyRef:o
FieldRef = apiVersion:s fieldPath:s
ResourceFieldRef = containerName:s resource:s divisor:q
KeyRef = name:s key:s optional:b
Resources = limits:{q} requests:{q} claims:[ResourceClaim|name]
ResourceClaim = name:s request:s
ResizePolicy = resourceName:s restartPolicy:s
VolumeMount = name:s readOnly:b recursiveReadOnly:s mountPath:s subPath:s mountPropagation:s subPathExpr:s
VolumeDevice = name:s devicePath:s
Probe = Handler initialDelaySeconds:i timeoutSeconds:i periodSeconds:i successThreshold:i failureThreshold:i
Probe = terminationGracePeriodSeconds:l
Handler = exec:ExecAction httpGet:HttpGet tcpSocket:TcpSocket grpc:GrpcAction
ExecAction = command:[s]
HttpGet = path:s port:x host:s scheme:s httpHeaders:[NameValue]
NameValue = name:s value:s
TcpSocket = port:x host:s
GrpcAction = port:i service:s
Lifecycle = postStart:LifecycleHandler preStop:LifecycleHandler stopSignal:s
LifecycleHandler = exec:ExecAction httpGet:HttpGet tcpSocket:TcpSocket sleep:SleepAction
SleepAction = seconds:l
SecurityContext = capabilities:Capabilities privileged:b seLinuxOptions:SeLinux windowsOptions:o runAsUser:l runAsGroup:l
SecurityContext = runAsNonRoot:b readOnlyRootFilesystem:b allowPrivilegeEscalation:b procMount:s seccompProfile:Profile
SecurityContext = appArmorProfile:Profile
Capabilities = add:[s] drop:[s]

Volume = name:s hostPath:HostPath emptyDir:EmptyDir gcePersistentDisk:o awsElasticBlockStore:o gitRepo:o secret:SecretVolume
Volume = nfs:Nfs iscsi:o glusterfs:o persistentVolumeClaim:ClaimVolume rbd:o flexVolume:o cinder:o cephfs:o flocker:o
Volume = downwardAPI:DownwardVolume fc:o azureFile:o configMap:ConfigVolume vsphereVolume:o quobyte:o azureDisk:o
Volume = photonPersistentDisk:o projected:ProjectedVolume portworxVolume:o scaleIO:o storageos:o csi:o ephemeral:o image:o
HostPath = path:s type:s
EmptyDir = medium:s sizeLimit:q
SecretVolume = secretName:s items:[KeyToPath] defaultMode:i optional:b
ConfigVolume = name:s items:[KeyToPath] defaultMode:i optional:b
KeyToPath = key:s path:s mode:i
Nfs = server:s path:s readOnly:b
ClaimVolume = claimName:s readOnly:b
DownwardVolume = items:[DownwardFile] defaultMode:i
DownwardFile = path:s fieldRef:FieldRef resourceFieldRef:ResourceFieldRef mode:i
ProjectedVolume = sources:[o] defaultMode:i

PodStatus = observedGeneration:l phase:s conditions:[Condition|type] message:s reason:s nominatedNodeName:s hostIP:s
PodStatus = hostIPs:[PodIp] podIP:s podIPs:[PodIp|ip] startTime:s initContainerStatuses:[ContainerStatus]
PodStatus = containerStatuses:[ContainerStatus] ephemeralContainerStatuses:[ContainerStatus] qosClass:s resize:s
PodStatus = resourceClaimStatuses:[o]
PodIp = ip:s
ContainerStatus = name:s state:ContainerState lastState:ContainerState ready:b restartCount:i image:s imageID:s
ContainerStatus = containerID:s started:b allocatedResources:{q} resources:o volumeMounts:[o] user:o
ContainerStatus = allocatedResourcesStatus:[o] stopSignal:s
ContainerState = waiting:Waiting running:Running terminated:Terminated
Waiting = reason:s message:s
Running = startedAt:s
Terminated = exitCode:i signal:i reason:s message:s startedAt:s finishedAt:s containerID:s

Deployment = Whole spec:DeploymentSpec status:DeploymentStatus
DeploymentSpec = replicas:i selector:LabelSelector template:PodTemplate strategy:DeploymentStrategy minReadySeconds:i
DeploymentSpec = revisionHistoryLimit:i paused:b progressDeadlineSeconds:i
DeploymentStrategy = type:s rollingUpdate:RollingUpdate
RollingUpdate = maxUnavailable:x maxSurge:x
DeploymentStatus = observedGeneration:l replicas:i updatedReplicas:i readyReplicas:i availableReplicas:i
DeploymentStatus = unavailableReplicas:i terminatingReplicas:i conditions:[Condition|type] collisionCount:i

ReplicaSet = Whole spec:ReplicaSetSpec status:ReplicaSetStatus
ReplicaSetSpec = replicas:i minReadySeconds:i selector:LabelSelector template:PodTemplate
ReplicaSetStatus = replicas:i fullyLabeledReplicas:i readyReplicas:i availableReplicas:i terminatingReplicas:i
ReplicaSetStatus = observedGeneration:l conditions:[Condition|type]

DaemonSet = Whole spec:DaemonSetSpec status:DaemonSetStatus
DaemonSetSpec = selector:LabelSelector template:PodTemplate updateStrategy:DeploymentStrategy minReadySeconds:i
DaemonSetSpec = revisionHistoryLimit:i
DaemonSetStatus = currentNumberScheduled:i numberMisscheduled:i desiredNumberScheduled:i numberReady:i observedGeneration:l
DaemonSetStatus = updatedNumberScheduled:i numberAvailable:i numberUnavailable:i collisionCount:i conditions:[Condition|type]

StatefulSet = Whole spec:StatefulSetSpec status:StatefulSetStatus
StatefulSetSpec = replicas:i selector:LabelSelector template:PodTemplate volumeClaimTemplates:[o] serviceName:s
StatefulSetSpec = podManagementPolicy:s updateStrategy:StatefulSetStrategy revisionHistoryLimit:i minReadySeconds:i
StatefulSetSpec = persistentVolumeClaimRetentionPolicy:o ordinals:o
StatefulSetStrategy = type:s rollingUpdate:StatefulSetRolling
StatefulSetRolling = partition:i maxUnavailable:x
StatefulSetStatus = observedGeneration:l replicas:i readyReplicas:i currentReplicas:i updatedReplicas:i currentRevision:s
StatefulSetStatus = updateRevision:s collisionCount:i conditions:[Condition|type] availableReplicas:i

ControllerRevision = Whole data:o revision:l

Job = Whole spec:JobSpec status:JobStatus
JobSpec = parallelism:i completions:i activeDeadlineSeconds:l podFailurePolicy:o successPolicy:o backoffLimit:i
JobSpec = backoffLimitPerIndex:i maxFailedIndexes:i selector:LabelSelector manualSelector:b template:PodTemplate
JobSpec = ttlSecondsAfterFinished:i completionMode:s suspend:b podReplacementPolicy:s managedBy:s
JobStatus = conditions:[Condition|type] startTime:s completionTime:s active:i succeeded:i failed:i terminating:i
JobStatus = completedIndexes:s failedIndexes:s uncountedTerminatedPods:o ready:i
CronJob = Whole spec:CronJobSpec status:CronJobStatus
CronJobSpec = schedule:s timeZone:s startingDeadlineSeconds:l concurrencyPolicy:s suspend:b jobTemplate:JobTemplate
CronJobSpec = successfulJobsHistoryLimit:i failedJobsHistoryLimit:i
JobTemplate = metadata:ObjectMeta spec:JobSpec
CronJobStatus = active:[ObjectRef] lastScheduleTime:s lastSuccessfulTime:s

Service = Whole spec:ServiceSpec status:ServiceStatus
ServiceSpec = ports:[ServicePort|port,protocol] selector:{s} clusterIP:s clusterIPs:[s] type:s externalIPs:[s] sessionAffinity:s
ServiceSpec = loadBalancerIP:s loadBalancerSourceRanges:[s] externalName:s externalTrafficPolicy:s healthCheckNodePort:i
ServiceSpec = publishNotReadyAddresses:b sessionAffinityConfig:SessionAffinity ipFamilies:[s] ipFamilyPolicy:s
ServiceSpec = allocateLoadBalancerNodePorts:b loadBalancerClass:s internalTrafficPolicy:s trafficDistribution:s
ServicePort = name:s protocol:s appProtocol:s port:i targetPort:x nodePort:i
SessionAffinity = clientIP:ClientIp
ClientIp = timeoutSeconds:i
ServiceStatus = loadBalancer:LoadBalancer conditions:[Condition|type]
LoadBalancer = ingress:[LoadBalancerIngress]
LoadBalancerIngress = ip:s hostname:s ipMode:s ports:[o]

Endpoints = Whole subsets:[EndpointSubset]
EndpointSubset = addresses:[EndpointAddress] notReadyAddresses:[EndpointAddress] ports:[EndpointPort]
EndpointAddress = ip:s hostname:s nodeName:s targetRef:ObjectRef
EndpointPort = name:s port:i protocol:s appProtocol:s
EndpointSlice = Whole addressType:s endpoints:[Endpoint] ports:[EndpointPort]
Endpoint = addresses:[s] conditions:EndpointConditions hostname:s targetRef:ObjectRef deprecatedTopology:{s} nodeName:s zone:s hints:o
EndpointConditions = ready:b serving:b terminating:b

HorizontalPodAutoscaler = Whole spec:HpaSpec status:HpaStatus
HpaSpec = scaleTargetRef:CrossRef minReplicas:i maxReplicas:i metrics:[MetricSpec] behavior:Behavior
CrossRef = kind:s name:s apiVersion:s
MetricSpec = type:s object:ObjectMetric pods:PodsMetric resource:ResourceMetric containerResource:ContainerMetric external:PodsMetric
ObjectMetric = describedObject:CrossRef target:MetricTarget metric:MetricId
PodsMetric = metric:MetricId target:MetricTarget
ResourceMetric = name:s target:MetricTarget
ContainerMetric = name:s container:s target:MetricTarget
MetricId = name:s selector:LabelSelector
MetricTarget = type:s value:q averageValue:q averageUtilization:i
Behavior = scaleUp:ScalingRules scaleDown:ScalingRules
ScalingRules = stabilizationWindowSeconds:i selectPolicy:s policies:[ScalingPolicy] tolerance:q
ScalingPolicy = type:s value:i periodSeconds:i
HpaStatus = observedGeneration:l lastScaleTime:s currentReplicas:i desiredReplicas:i currentMetrics:[o] conditions:[Condition|type]
HorizontalPodAutoscaler/v1 = Whole spec:HpaSpecV1 status:HpaStatusV1
HpaSpecV1 = scaleTargetRef:CrossRef minReplicas:i maxReplicas:i targetCPUUtilizationPercentage:i
HpaStatusV1 = observedGeneration:l lastScaleTime:s currentReplicas:i desiredReplicas:i currentCPUUtilizationPercentage:i

Lease = Whole spec:LeaseSpec
LeaseSpec = holderIdentity:s leaseDurationSeconds:i acquireTime:s renewTime:s leaseTransitions:i strategy:s preferredHolder:s

Node = Whole spec:NodeSpec status:NodeStatus
NodeSpec = podCIDR:s podCIDRs:[s*] providerID:s unschedulable:b taints:[Taint] configSource:o externalID:s
Taint = key:s value:s effect:s timeAdded:s
NodeStatus = capacity:{q} allocatable:{q} phase:s conditions:[Condition|type] addresses:[NodeAddress|type] daemonEndpoints:o
NodeStatus = nodeInfo:o images:[o] volumesInUse:[s] volumesAttached:[o] config:o runtimeHandlers:[o] features:o
NodeAddress = type:s address:s

Ingress = Whole spec:IngressSpec status:IngressStatus
IngressSpec = ingressClassName:s defaultBackend:IngressBackend tls:[IngressTls] rules:[IngressRule]
IngressBackend = service:IngressService resource:TypedRef
IngressService = name:s port:IngressPort
IngressPort = name:s number:i
IngressTls = hosts:[s] secretName:s
IngressRule = host:s http:IngressHttp
IngressHttp = paths:[IngressPath]
IngressPath = path:s pathType:s backend:IngressBackend
IngressStatus = loadBalancer:LoadBalancer
IngressClass = Whole spec:IngressClassSpec
IngressClassSpec = controller:s parameters:IngressClassParameters
IngressClassParameters = TypedRef scope:s

PodDisruptionBudget = Whole spec:PdbSpec status:o
PdbSpec = minAvailable:x selector:LabelSelector maxUnavailable:x unhealthyPodEvictionPolicy:s
Role = Whole rules:[PolicyRule]
ClusterRole = Whole rules:[PolicyRule] aggregationRule:o
PolicyRule = verbs:[s] apiGroups:[s] resources:[s] resourceNames:[s] nonResourceURLs:[s]
RoleBinding = Whole subjects:[TypedRef] roleRef:TypedRef
ClusterRoleBinding = Whole subjects:[TypedRef] roleRef:TypedRef
)TABLE";

}  // namespace sluice::lab

#include "kube/compact.hpp"

#include "base/core/result.hpp"

#include <zlib.h>

#include <cstring>

namespace sluice::kube {
namespace {

// What nearly every object holds, the commonest last: objects are short, and most of what repeats
// in them repeats between them.
constexpr std::string_view dictionary =
    R"("containerPort":8080,"protocol":"TCP"}],"env":[{"name":"","value":""}],"resources":{"limits":{"cpu":"100m","memory":"128Mi"},"requests":{)"
    R"("cpu":"100m","memory":"64Mi"}},"livenessProbe":{"readinessProbe":{"httpGet":{"path":"/healthz","port":"http","scheme":"HTTP"},)"
    R"("initialDelaySeconds":5,"timeoutSeconds":1,"periodSeconds":10,"successThreshold":1,"failureThreshold":3},"terminationMessagePath":)"
    R"("/dev/termination-log","terminationMessagePolicy":"File","imagePullPolicy":"IfNotPresent"}],"restartPolicy":"Always",)"
    R"("terminationGracePeriodSeconds":30,"dnsPolicy":"ClusterFirst","securityContext":{},"schedulerName":"default-scheduler"}},"strategy":{)"
    R"("type":"RollingUpdate","rollingUpdate":{"maxUnavailable":"25%","maxSurge":"25%"}},"revisionHistoryLimit":10,"progressDeadlineSeconds":600},)"
    R"("status":{"observedGeneration":1,"replicas":1,"updatedReplicas":1,"readyReplicas":1,"availableReplicas":1,"conditions":[{"type":)"
    R"("Available","status":"True","lastUpdateTime":"2026-01-01T00:00:00Z","lastTransitionTime":"2026-01-01T00:00:00Z","reason":)"
    R"("MinimumReplicasAvailable","message":"Deployment has minimum availability."},{"type":"Progressing","status":"True","reason":)"
    R"("NewReplicaSetAvailable","message":"ReplicaSet has successfully progressed."}]}}"virtualservices"http":[{"route":[{"destination":{"host":)"
    R"(,"subset":"},"weight":100},"hosts":["gateways":["mesh"],"match":[{"uri":{"prefix":"/"}}],"timeout":"retries":{"attempts":3,"retryOn":)"
    R"("provider":"istio","analysis":{"interval":"1m","threshold":5,"maxWeight":50,"stepWeight":10,"metrics":[{"name":"request-success-rate",)"
    R"("thresholdRange":{"min":99},"interval":"1m"},{"name":"request-duration","thresholdRange":{"max":500}}],"webhooks":[{"targetRef":{)"
    R"("spec":{"replicas":1,"selector":{"matchLabels":{"app":""}},"template":{"metadata":{"labels":{"app":"","pod-template-hash":")"
    R"("annotations":{"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"","uid":"","controller":true,"blockOwnerDeletion":true}]},)"
    R"("spec":{"containers":[{"name":"","image":"","ports":[{"name":"http","port":80,"targetPort":"http","clusterIP":"10.96.0.1","type":"ClusterIP"})"
    R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"","namespace":"","uid":")"
    R"(","generation":1,"creationTimestamp":"2026-01-01T00:00:00Z","labels":{"app.kubernetes.io/name":"app":")";

// Raw deflate with a small window: objects are a few kilobytes.
constexpr int window_bits = -13;
constexpr int memory_level = 6;

Bytef* bytes_of(std::string_view text) {
    return reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
}

// zlib's working memory, made once for each thread: making it costs more than packing an object.
class Deflater {
   public:
    Deflater() {
        SLUICE_ASSERT(
            deflateInit2(&stream_, 6, Z_DEFLATED, window_bits, memory_level, Z_DEFAULT_STRATEGY) ==
            Z_OK);
    }
    Deflater(const Deflater&) = delete;
    Deflater& operator=(const Deflater&) = delete;
    ~Deflater() { deflateEnd(&stream_); }

    z_stream& begin() {
        SLUICE_ASSERT(deflateReset(&stream_) == Z_OK);
        SLUICE_ASSERT(deflateSetDictionary(&stream_,
                                           bytes_of(dictionary),
                                           static_cast<uInt>(dictionary.size())) == Z_OK);
        return stream_;
    }

   private:
    z_stream stream_{};
};

class Inflater {
   public:
    Inflater() { SLUICE_ASSERT(inflateInit2(&stream_, window_bits) == Z_OK); }
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;
    ~Inflater() { inflateEnd(&stream_); }

    z_stream& begin() {
        SLUICE_ASSERT(inflateReset(&stream_) == Z_OK);
        SLUICE_ASSERT(inflateSetDictionary(&stream_,
                                           bytes_of(dictionary),
                                           static_cast<uInt>(dictionary.size())) == Z_OK);
        return stream_;
    }

   private:
    z_stream stream_{};
};

// Empty when the result would not be shorter.
std::string deflated(std::string_view text) {
    thread_local Deflater deflater;
    auto& stream = deflater.begin();
    std::string out(text.size(), '\0');
    stream.next_in = bytes_of(text);
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = bytes_of(out);
    stream.avail_out = static_cast<uInt>(out.size());
    const bool whole = deflate(&stream, Z_FINISH) == Z_STREAM_END;
    out.resize(whole ? stream.total_out : 0);
    return out;
}

std::string inflated(std::string_view packed, std::size_t size) {
    thread_local Inflater inflater;
    auto& stream = inflater.begin();
    std::string out(size, '\0');
    stream.next_in = bytes_of(packed);
    stream.avail_in = static_cast<uInt>(packed.size());
    stream.next_out = bytes_of(out);
    stream.avail_out = static_cast<uInt>(out.size());
    const bool whole = inflate(&stream, Z_FINISH) == Z_STREAM_END;
    SLUICE_ASSERT(whole && stream.total_out == size);
    return out;
}

}  // namespace

CompactText::CompactText(std::string_view text, std::size_t compress_above) {
    SLUICE_ASSERT(text.size() < UINT32_MAX);
    std::string packed;
    if (text.size() > compress_above) packed = deflated(text);
    const std::string_view kept = packed.empty() ? text : std::string_view(packed);
    if (!packed.empty()) plain_size_ = static_cast<std::uint32_t>(text.size());
    size_ = static_cast<std::uint32_t>(kept.size());
    bytes_ = std::make_unique<char[]>(kept.size());
    std::memcpy(bytes_.get(), kept.data(), kept.size());
}

std::string CompactText::text() const {
    return plain_size_ == 0 ? std::string(bytes()) : inflated(bytes(), plain_size_);
}

bool CompactText::operator==(const CompactText& other) const {
    return plain_size_ == other.plain_size_ && bytes() == other.bytes();
}

}  // namespace sluice::kube

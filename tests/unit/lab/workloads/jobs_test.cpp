#include "a_lab.hpp"

namespace sluice::lab::testing {

namespace {

Json a_job(Json spec = JsonObject{}, std::string_view image = "migrate:1") {
    Json job = {{"apiVersion", "batch/v1"},
                {"kind", "Job"},
                {"metadata", {{"name", "migrate"}, {"namespace", "default"}}},
                {"spec",
                 {{"template",
                   {{"spec",
                     {{"restartPolicy", "Never"},
                      {"containers", JsonArray{Json{{"name", "main"}, {"image", image}}}}}}}}}}};
    apply_merge_patch(*find(job, {"spec"}), spec);
    return job;
}

// "active succeeded failed", "-" for what is not there.
std::string numbers(Lab& lab) {
    const auto job = lab.get(resources::jobs, "migrate");
    std::string text;
    for (const std::string_view field : {"active", "succeeded", "failed"}) {
        const auto number = integer_at(job, {"status", field});
        text += (text.empty() ? "" : " ") + (number ? std::to_string(*number) : "-");
    }
    return text;
}

std::string condition(Lab& lab, std::string_view type) {
    const auto job = lab.get(resources::jobs, "migrate");
    for (const auto& one : array_at(job, {"status", "conditions"})) {
        if (text_at(one, {"type"}) != type) continue;
        return std::string(text_at(one, {"status"})) + " " + std::string(text_at(one, {"reason"}));
    }
    return "";
}

}  // namespace

TEST_CASE("a Job's pod does its work in a moment, and the Job is complete") {
    Lab lab;
    lab.start();
    lab.create(resources::jobs, a_job());
    lab.run_for(std::chrono::milliseconds{500});
    CHECK(numbers(lab) == "1 - -");
    CHECK(text_at(lab.get(resources::jobs, "migrate"), {"status", "startTime"}) ==
          "2026-01-25T19:45:00Z");
    lab.run_for(seconds{5});
    CHECK(numbers(lab) == "- 1 -");
    CHECK(condition(lab, "Complete") == "True CompletionsReached");
    CHECK(text_at(lab.get(resources::jobs, "migrate"), {"status", "completionTime"}) ==
          "2026-01-25T19:45:01Z");
    REQUIRE(lab.pods().size() == 1);
    const auto pod = *lab.pods().front();
    CHECK(text_at(pod, {"status", "phase"}) == "Succeeded");
    CHECK(text_at(pod, {"metadata", "labels", "batch.kubernetes.io/job-name"}) == "migrate");
    CHECK(text_at(pod, {"metadata", "labels", "job-name"}) == "migrate");
    CHECK(lab.events("Job") ==
          std::vector<std::string>{"SuccessfulCreate: Created pod: " + kube::key_of(pod).name,
                                   "Completed: Job completed"});

    // What has succeeded counts when its pod is gone, too.
    lab.remove(resources::pods, kube::key_of(pod).name);
    lab.run_for(seconds{5});
    CHECK(numbers(lab) == "- 1 -");
    CHECK(lab.pods().empty());
    lab.create(
        resources::pods,
        {{"apiVersion", "v1"},
         {"kind", "Pod"},
         {"metadata", {{"name", "idle"}, {"namespace", "default"}}},
         {"spec", {{"containers", JsonArray{Json{{"name", "a"}, {"image", "migrate:1"}}}}}}});
    lab.run_for(seconds{30});
    CHECK(text_at(lab.get(resources::pods, "idle"), {"status", "phase"}) == "Running");
}

TEST_CASE("a Job runs so many pods at a time until so many have succeeded") {
    Lab lab;
    lab.start();
    lab.create(resources::jobs, a_job({{"completions", 5}, {"parallelism", 2}}));
    lab.run_for(std::chrono::milliseconds{500});
    CHECK(numbers(lab) == "2 - -");
    lab.run_for(seconds{1});
    CHECK(numbers(lab) == "2 2 -");
    lab.run_for(seconds{10});
    CHECK(numbers(lab) == "- 5 -");
    CHECK(lab.pods().size() == 5);
    CHECK(condition(lab, "Complete") == "True CompletionsReached");
}

TEST_CASE("a Job tries again with longer pauses, and fails after backoffLimit") {
    Lab lab;
    lab.start();
    lab.create(resources::jobs, a_job({{"backoffLimit", 2}}, "migrate:1-fail"));
    lab.run_for(seconds{5});
    CHECK(numbers(lab) == "- - 1");
    lab.run_for(seconds{10});
    CHECK(numbers(lab) == "- - 2");
    CHECK(condition(lab, "Failed").empty());
    lab.run_for(seconds{20});
    CHECK(numbers(lab) == "- - 3");
    CHECK(condition(lab, "Failed") == "True BackoffLimitExceeded");
    CHECK(condition(lab, "Complete").empty());
    lab.run_for(std::chrono::minutes{10});
    CHECK(lab.pods().size() == 3);
    CHECK(lab.events("Job").back() ==
          "BackoffLimitExceeded: Job has reached the specified backoff limit");
}

TEST_CASE("with restartPolicy OnFailure it is the container that tries again") {
    Lab lab;
    lab.start();
    auto job = a_job({{"backoffLimit", 1}}, "migrate:1-fail");
    put(job, {"spec", "template", "spec", "restartPolicy"}, "OnFailure");
    lab.create(resources::jobs, job);
    lab.run_for(std::chrono::milliseconds{1500});
    CHECK(lab.pods().size() == 1);
    CHECK(condition(lab, "Failed").empty());
    lab.run_for(std::chrono::minutes{2});
    CHECK(condition(lab, "Failed") == "True BackoffLimitExceeded");
    CHECK(lab.pods().empty());
}

TEST_CASE("a Job that takes longer than activeDeadlineSeconds fails, and its pod goes") {
    Lab lab;
    lab.start();
    lab.create(resources::jobs,
               a_job({{"activeDeadlineSeconds", 30}}, "stefanprodan/podinfo:6.0.0"));
    lab.run_for(seconds{29});
    CHECK(numbers(lab) == "1 - -");
    lab.run_for(seconds{5});
    CHECK(condition(lab, "Failed") == "True DeadlineExceeded");
    CHECK(numbers(lab) == "- - -");
    CHECK(lab.pods().empty());
}

TEST_CASE("a finished Job and its pods go after ttlSecondsAfterFinished") {
    Lab lab;
    lab.start();
    lab.create(resources::jobs, a_job({{"ttlSecondsAfterFinished", 60}}));
    lab.run_for(seconds{50});
    CHECK(condition(lab, "Complete") == "True CompletionsReached");
    lab.run_for(seconds{15});
    CHECK_FALSE(lab.has(resources::jobs, "migrate"));
    CHECK(lab.pods().empty());
}

TEST_CASE("a suspended Job has no pods, and begins anew when it is resumed") {
    Lab lab;
    lab.start();
    lab.create(resources::jobs, a_job({{"suspend", true}}));
    lab.run_for(seconds{5});
    CHECK(lab.pods().empty());
    CHECK(condition(lab, "Suspended") == "True JobSuspended");
    lab.patch(resources::jobs, "migrate", {{"spec", {{"suspend", false}}}});
    lab.run_for(seconds{5});
    CHECK(condition(lab, "Suspended") == "False JobResumed");
    CHECK(condition(lab, "Complete") == "True CompletionsReached");
}

TEST_CASE("a pod that somebody deletes has failed, and another one takes its place") {
    Lab lab;
    lab.start();
    lab.create(resources::jobs, a_job(JsonObject{}, "stefanprodan/podinfo:6.0.0"));
    lab.run_for(seconds{5});
    lab.remove(resources::pods, kube::key_of(*lab.pods().front()).name);
    lab.run_for(seconds{20});
    CHECK(numbers(lab) == "1 - 1");
}

TEST_CASE("a Job of which only parallelism is said is complete when its pods find nothing left") {
    Lab lab;
    lab.start();
    lab.create(resources::jobs, a_job({{"parallelism", 2}}));
    CHECK(integer_at(lab.get(resources::jobs, "migrate"), {"spec", "completions"}) == std::nullopt);
    lab.run_for(seconds{5});
    CHECK(numbers(lab) == "- 2 -");
    CHECK(condition(lab, "Complete") == "True CompletionsReached");
}

}  // namespace sluice::lab::testing

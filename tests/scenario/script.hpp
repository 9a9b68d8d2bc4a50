// A scenario as text: what happens to a release, and what is seen of it.
//
//   canary    KEY VALUE …          makes the Canary podinfo.test: step, steps (10,20), max,
//   threshold,
//                                  interval, promotion-step, deadline; metric NAME MIN|-  MAX|-;
//                                  hook TYPE NAME; query NAME QUERY MAX; skip-analysis;
//                                  with JSON (a merge patch, last)
//   target    REPLICAS|daemonset   makes the Deployment podinfo, 6.0.0; or the DaemonSet
//   scaler    MIN MAX              makes the HPA podinfo, and the Canary names it
//   gateway-api gone | here        whether the cluster serves HTTPRoutes
//   peers-crd                      the Canary CRD is the peer's, which drops our status fields
//   start | kill | stop            the controller
//   left-by-peer                   the controller is gone, and it was the peer that came so far
//   image     TAG                  a new revision
//   metric    NAME VALUE           what Prometheus says from now on
//   hook      NAME ANSWER          what a receiver of hooks, alerts or Events answers: "200",
//                                  "403 nope", "hang", "away", "endless"
//   flags     FLAG …               what the controller is started with from now on
//   alerts | told                  and below it, indented, what the receivers of alerts, and those
//                                  of Events, were sent since the last time: "NAME COLOUR MESSAGE
//                                  [FIELD=VALUE, …]", "NAME PHASE TYPE MESSAGE"
//   events    GLOB N               so many Events of the Canary read so
//   hook      NAME ANSWER          "200", "403 nope", "hang"
//   calls     and below it, indented, each call of a hook since the last time: NAME PHASE; the same
//                                  one again and again is one line
//   wish      VERB                 what `sluice VERB` asks of the revision at hand
//   prometheus away|back
//   api       away|back|slow DURATION   slow: each write arrives so much later
//   api       forbids PLURAL|nothing   every request about that kind is a 403
//   weather   KEY N …             what befalls requests to the API server: conflict-every N; cut
//                                  DURATION (of watches); conflicts, gone, slow-down, broken,
//                                  unreachable, timeouts, lost-answers of a hundred
//   no errors                     nothing was logged above warning so far
//   pods      GLOB unready|ready|crash   those of these images that start from now on
//   pods-of   DEPLOYMENT unready|ready   those that run now
//   waits     DEPLOYMENT TEXT     why each of its pods is not started: "REASON: MESSAGE"; `*`
//   stands
//                                  for anything
//   edit      JSON                 a merge patch on the Canary
//   patch     RESOURCE NAME JSON   a merge patch on another object
//   rival     RESOURCE NAME JSON   an operator, rival-operator, that writes this over whatever else
//   is written rival     gone delete    RESOURCE NAME object    JSON                 creates it
//   label-namespace JSON           the labels of namespace test, as a merge patch
//   count-writes | writes N | reads N   the controller's writes and reads since, but for the
//   lease's
//                                  and for watches
//   says      TEXT                 a line of the log, `*` stands for anything
//   unsaid    TEXT                 in no line of the log, no Event and no status
//   run       DURATION
//   until     phase|weight VALUE [within DURATION]
//   until     gone RESOURCE NAME [within DURATION]
//   gone | there RESOURCE NAME     whether it exists now
//   field     RESOURCE NAME /path/to JSON|none    a field of it; `~1` is a slash in a name, `*`
//                                  stands for anything
//   phase | weight | route | failed | replicas NAME | image-of NAME | max-of HPA   VALUE   what is
//   true
//                                  now
//   messages                       and below it, indented, each message about the Canary since the
//                                  last time, in order; `*` stands for anything; one after `·` may
//                                  come anywhere or not at all
//   status-of FIELD JSON|none      a field of the Canary's status as stored
//   status-like FIELD GLOB
//   no messages
//   skip                           messages do not matter up to here
#pragma once

#include "scenario/world.hpp"

#include <string>
#include <vector>

namespace sluice::scenario {

struct Line {
    int number = 0;
    std::vector<std::string> words;
    std::string rest;  // the line after its first word
    std::vector<std::string> below;
};

std::vector<Line> parse_script(std::string_view text);

class Player {
   public:
    explicit Player(World& world) : world_(world) {}

    // What went otherwise than the script says: "line 7: weight is 20, not 30".
    std::vector<std::string> play(const std::vector<Line>& lines);
    // Skips what is compared, and plays on whatever is seen: for the runs in which the controller
    // dies.
    void set_lenient(bool lenient) { lenient_ = lenient; }

   private:
    void step(const Line& line);
    void skip();
    void make_canary(const Line& line);
    void make_target(const Line& line);
    void make_scaler(const Line& line);
    void make_weather(const Line& line);
    void until(const Line& line);
    void expect_field(const Line& line);
    bool exists(const std::string& resource, const std::string& name) const;
    std::vector<lab::ObjectPtr> pods_of(const std::string& deployment) const;
    void expect_waiting(const Line& line);
    void compare_messages(const Line& line);
    void compare_mail(const Line& line, const std::vector<std::string>& mail, std::size_t& seen);
    void compare_calls(const Line& line);
    void make_wish(const std::string& verb);
    void expect(const Line& line, const std::string& is, const std::string& should);
    void wrong(const Line& line, const std::string& what);

    World& world_;
    std::size_t seen_ = 0;
    std::size_t seen_alerts_ = 0;
    std::size_t seen_told_ = 0;
    bool lenient_ = false;
    std::string target_kind_ = "Deployment";
    std::string scaler_;
    std::vector<std::string> wrong_;
};

}  // namespace sluice::scenario

// What a lab holds on its machine: its folder, its block of addresses, its kubeconfig, and who
// runs it. So that a second lab finds a block of its own, `lab down` finds the process, and the
// next start clears what a killed one left.
#pragma once

#include "base/core/result.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace sluice::cli {

// $XDG_STATE_HOME/sluice/lab, else ~/.local/state/sluice/lab, else /tmp/sluice-UID/lab.
std::filesystem::path default_lab_dir();

// Holds one of the 16 blocks of loopback addresses (kubernetes.md D.1) until it goes, or its
// process does.
class AddressBlock {
   public:
    // The first that no lab of this machine holds, whoever's it is; unavailable when 16 run.
    static Result<AddressBlock> take();
    AddressBlock(AddressBlock&& other) noexcept;
    AddressBlock& operator=(AddressBlock&&) = delete;
    ~AddressBlock();
    int number() const { return number_; }

   private:
    AddressBlock(int number, int name) : number_(number), name_(name) {}
    int number_;
    int name_;  // the socket whose name stands for the block
};

// The folder of one running lab, locked by it.
class LabDir {
   public:
    // Makes the folder, takes its lock and clears what a killed lab left in it. already_exists
    // names the pid that holds it.
    static Result<LabDir> open(std::filesystem::path dir);
    // One under /tmp for a lab that keeps nothing. The first that no living lab holds, so that what
    // a killed one left there goes with the next.
    static Result<LabDir> open_passing();
    LabDir(LabDir&& other) noexcept;
    LabDir& operator=(LabDir&&) = delete;
    // Removes what the lab wrote, and the folder when nothing else is in it.
    ~LabDir();

    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path kubeconfig() const { return path_ / "kubeconfig"; }
    std::filesystem::path run() const { return path_ / "run"; }

   private:
    LabDir(std::filesystem::path path, int lock) : path_(std::move(path)), lock_(lock) {}
    std::filesystem::path path_;
    int lock_;
};

// The pid of the lab that runs in that folder; nothing when none does.
std::optional<int> lab_pid(const std::filesystem::path& dir);

struct KubeconfigTexts {
    std::string server;  // http://127.0.0.1:PORT
    std::string proxy;   // http://127.0.0.1:PORT of the lab's proxy
};
Result<void> write_kubeconfig(const std::filesystem::path& file, const KubeconfigTexts& texts);

}  // namespace sluice::cli

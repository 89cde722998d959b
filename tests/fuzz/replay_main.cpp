// Runs a fuzz target without libFuzzer: over every file of the folders given, and over simple
// mutations of each. The mutations are the same in every run, so that a failure can be repeated.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

// Bounds the time of a replay: seeds that are long or many are mutated at fewer places.
constexpr std::size_t kMostRuns = 20'000;

// Bytes at which parsers turn: line ends, separators, digits, signs, the ends of the ranges.
constexpr std::string_view kReplacements("\0\r\n \t:;,/%?#=\"<0-\x7F\x80\xFF", 20);

std::size_t g_runs = 0;

// A block of exactly that size, so that the address sanitizer sees a read beyond its end.
void run(std::string_view input) {
    const auto exact = std::make_unique<std::uint8_t[]>(input.size());
    std::transform(input.begin(), input.end(), exact.get(),
                   [](char c) { return static_cast<std::uint8_t>(c); });
    LLVMFuzzerTestOneInput(exact.get(), input.size());
    ++g_runs;
}

std::vector<std::string> read_seeds(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        if (entry.is_regular_file()) {
            files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    std::vector<std::string> seeds;
    for (const auto& file : files) {
        std::ifstream in(file, std::ios::binary);
        seeds.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
    }
    return seeds;
}

// Cut, doubled, left out or replaced at each `stride`-th place.
void run_mutations(const std::string& seed, std::size_t stride) {
    for (std::size_t at = 0; at < seed.size(); at += stride) {
        run(std::string_view(seed).substr(0, at));
        run(std::string(seed).insert(at, 1, seed[at]));
        run(std::string(seed).erase(at, 1));
        for (const char replacement : kReplacements) {
            std::string changed = seed;
            changed[at] = replacement;
            run(changed);
        }
    }
}

int replay(const std::vector<std::string>& seeds) {
    std::size_t bytes = 0;
    for (const std::string& seed : seeds) {
        run(seed);
        bytes += seed.size();
    }
    run({});
    const std::size_t wanted = bytes * (kReplacements.size() + 3);
    const std::size_t stride = wanted / kMostRuns + 1;
    for (const std::string& seed : seeds) {
        run_mutations(seed, stride);
    }
    std::printf("%zu seeds, %zu runs\n", seeds.size(), g_runs);
    return 0;
}

}  // namespace

int main(int count, char** arguments) {
    try {
        std::vector<std::string> seeds;
        for (int i = 1; i < count; ++i) {
            const auto more = read_seeds(arguments[i]);
            seeds.insert(seeds.end(), more.begin(), more.end());
        }
        if (seeds.empty()) {
            std::fprintf(stderr, "no seeds: give folders that hold some\n");
            return 1;
        }
        return replay(seeds);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "replay failed: %s\n", error.what());
        return 1;
    }
}

/// What is wrong with a configuration, for people: file, line, column, key, and what was expected.
#pragma once

#include <string>
#include <vector>

namespace eg::config {

enum class Severity : unsigned char { warning, error };

/// A place in the file; both count from 1, the column in characters. Line 0 is the file as a whole.
struct Position {
    int line = 0;
    int column = 0;
};

struct Problem {
    Severity severity = Severity::error;
    std::string file;
    int line = 0;         // from 1; 0 = the file as a whole
    int column = 0;       // from 1
    std::string key;      // `instances[0].listen`
    std::string message;  // one sentence, with what was expected and the nearest known key
};
using Problems = std::vector<Problem>;

[[nodiscard]] bool has_errors(const Problems& problems);

/// `easgate.yaml:12:5: error: instances[0].lissten: unknown key; did you mean 'listen'?`, then the
/// line itself from `source` and a caret below it. What a line says about passwords is left out.
/// Ends with a line end.
[[nodiscard]] std::string render(const Problem& problem, const std::string& source);
/// All of them, one after the other.
[[nodiscard]] std::string render(const Problems& problems, const std::string& source);

}  // namespace eg::config

/// One log file a day: `directory/name.YYYY-MM-DD`, opened when a line of that day comes, never
/// deleted.
///
/// Thread: the writer's only. Nothing here waits: what can't be written is given back as an error.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace eg::log {

class DailyFile {
  public:
    DailyFile() = default;
    ~DailyFile() { close(); }
    DailyFile(const DailyFile&) = delete;
    DailyFile& operator=(const DailyFile&) = delete;

    /// From now on this place; "" is standard error. The file is opened anew at the next write.
    void set_place(std::string directory, std::string name);
    /// Opened anew at the next write.
    void close();

    struct Written {
        std::size_t bytes = 0;  // of the text, in whole and cut lines
        int error = 0;          // errno of what stopped it; 0 = all is written
    };
    /// Appends whole lines of one day (`2026-11-22`). Makes no directory. A file that was deleted
    /// or renamed meanwhile is made again. A line that an earlier write left cut, also one of an
    /// earlier process, is ended first, so that no two lines run together.
    [[nodiscard]] Written write(std::string_view date, std::string_view lines);
    /// Where the last write went or tried to go; for messages.
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    [[nodiscard]] int open(std::string_view date);
    [[nodiscard]] bool still_in_place() const;
    std::string directory_;
    std::string name_;
    std::string date_;
    std::string path_;
    int fd_ = -1;
    dev_t device_ = 0;
    ino_t inode_ = 0;
    bool cut_ = false;  // the last byte written isn't the end of a line
};

}  // namespace eg::log

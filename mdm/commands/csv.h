/// Comma-separated values (RFC 4180), one record at a time. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace eg::mdm {

class CsvReader {
  public:
    /// `text` outlives the reader. A UTF-8 byte order mark at its start is skipped.
    explicit CsvReader(std::string_view text);

    /// Reads the next record that isn't an empty line; false at the end. A broken record has an
    /// error() and is read up to its end, so that reading can go on.
    [[nodiscard]] bool next();

    /// The fields of the record, valid until the next call.
    [[nodiscard]] const std::vector<std::string>& fields() const { return fields_; }
    /// What is wrong with the record, or "".
    [[nodiscard]] const std::string& error() const { return error_; }
    /// The line on which the record starts, from 1.
    [[nodiscard]] std::int64_t line() const { return record_line_; }

  private:
    void read_record();
    void read_plain_field();
    void read_quoted_field();
    [[nodiscard]] bool at_line_end() const;
    void skip_line_end();

    std::string_view rest_;
    std::vector<std::string> fields_;
    std::string error_;
    std::int64_t line_ = 1;
    std::int64_t record_line_ = 0;
};

}  // namespace eg::mdm

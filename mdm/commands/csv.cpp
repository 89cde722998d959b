#include "mdm/commands/csv.h"

#include <algorithm>

namespace eg::mdm {

CsvReader::CsvReader(std::string_view text) : rest_(text) {
    if (rest_.starts_with("\xEF\xBB\xBF")) {
        rest_.remove_prefix(3);
    }
}

bool CsvReader::at_line_end() const {
    return rest_.empty() || rest_.starts_with('\n') || rest_.starts_with("\r\n");
}

void CsvReader::skip_line_end() {
    rest_.remove_prefix(std::min(rest_.size(), std::size_t{rest_.starts_with('\r') ? 2U : 1U}));
    ++line_;
}

bool CsvReader::next() {
    while (!rest_.empty() && at_line_end()) {
        skip_line_end();
    }
    if (rest_.empty()) {
        return false;
    }
    read_record();
    return true;
}

void CsvReader::read_record() {
    fields_.clear();
    error_.clear();
    record_line_ = line_;
    while (true) {
        rest_.starts_with('"') ? read_quoted_field() : read_plain_field();
        if (!rest_.starts_with(',')) {
            break;
        }
        rest_.remove_prefix(1);
    }
    if (!at_line_end()) {
        error_ = "a text follows a closing quote; a quote inside a field is written as two";
        rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
    }
    if (!rest_.empty()) {
        skip_line_end();
    }
}

void CsvReader::read_plain_field() {
    std::size_t end = std::min(rest_.find_first_of(",\n"), rest_.size());
    std::string_view field = rest_.substr(0, end);
    if (field.ends_with('\r') && rest_.substr(end).starts_with('\n')) {
        field.remove_suffix(1);
        --end;
    }
    if (field.find('"') != std::string_view::npos) {
        error_ = "a quote stands inside a field without quotes; put the whole field into quotes";
    }
    fields_.emplace_back(field);
    rest_.remove_prefix(end);
}

void CsvReader::read_quoted_field() {
    rest_.remove_prefix(1);
    std::string& field = fields_.emplace_back();
    while (true) {
        const std::size_t quote = rest_.find('"');
        const std::string_view piece = rest_.substr(0, quote);
        line_ += std::ranges::count(piece, '\n');
        field += piece;
        if (quote == std::string_view::npos) {
            error_ = "the quote that opens a field is never closed";
            rest_ = {};
            return;
        }
        rest_.remove_prefix(quote + 1);
        if (!rest_.starts_with('"')) {
            return;
        }
        field += '"';
        rest_.remove_prefix(1);
    }
}

}  // namespace eg::mdm

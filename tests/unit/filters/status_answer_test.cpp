#include "filters/status_answer.h"

#include <cstdint>
#include <initializer_list>
#include <string>

#include <doctest/doctest.h>

using namespace eg::filters;
using eas::Command;
using eas::EasRequest;

namespace {

std::string_view refused(const EasRequest& request, Reason reason, std::string& keep) {
    keep = refusal_document(request, refuse(reason, "x")).view();
    return keep;
}

EasRequest of(Command command, std::uint16_t version) {
    EasRequest request;
    request.command = command;
    request.protocol_version = version;
    return request;
}

}  // namespace

TEST_CASE("the status says why") {
    CHECK(status_code(Reason::device_unknown) == 129);
    CHECK(status_code(Reason::device_denied) == 129);
    CHECK(status_code(Reason::device_non_compliant) == 129);
    CHECK(status_code(Reason::device_wipe) == 129);
    CHECK(status_code(Reason::user_agent) == 129);
    CHECK(status_code(Reason::only_secure_email) == 129);
    CHECK(status_code(Reason::user) == 126);
    CHECK(status_code(Reason::user_unreadable) == 126);
    CHECK(status_code(Reason::no_device) == 108);
    CHECK(status_code(Reason::body_root) == 103);
    CHECK(status_code(Reason::protocol_version) == 138);
    CHECK(status_code(Reason::certificate) == 130);
    // None of them may make the client provision again, or wipe itself.
    for (int i = 0; i <= static_cast<int>(Reason::client_left); ++i) {
        const auto code = status_code(static_cast<Reason>(i));
        CHECK_FALSE((code >= 139 && code <= 145));
    }
}

TEST_CASE("only a refusal of a version that knows status codes is answered in a document") {
    std::string keep;
    for (const auto version : std::initializer_list<std::uint16_t>{140, 141, 160, 161}) {
        CAPTURE(version);
        CHECK(refused(of(Command::ping, version), Reason::device_denied, keep).size() == 15);
        CHECK(refused(of(Command::get_attachment, version), Reason::device_denied, keep).empty());
        CHECK(refused(of(Command::none, version), Reason::command, keep).empty());
        for (const Reason reason :
             {Reason::malformed, Reason::bad_request, Reason::states_stale, Reason::states_missing,
              Reason::draining, Reason::upstream_silent, Reason::header_too_large}) {
            CHECK(refused(of(Command::ping, version), reason, keep).empty());
        }
    }
    for (const auto version : std::initializer_list<std::uint16_t>{0, 25, 120, 121}) {
        CAPTURE(version);
        CHECK(refused(of(Command::ping, version), Reason::device_denied, keep).empty());
    }
}

#include "proxy/commands/phone_documents.h"

#include <string>

#include <doctest/doctest.h>

#include "proxy/base/text.h"

using namespace eg;
using namespace eg::commands;

namespace {

WbxmlElement read(const std::string& document) {
    const Result<WbxmlElement> root = read_wbxml(document);
    REQUIRE(root.has_value());
    return *root;
}

}  // namespace

TEST_CASE("phase 1 of Provision asks for a policy, with device information from 14.1 on") {
    constexpr WbxmlTag kDeviceInformation{18, 0x16}, kSet{18, 0x08}, kModel{18, 0x17};
    const WbxmlElement with = read(provision_request("Model", "agent/1"));
    CHECK(with.tag == provision::kProvision);
    CHECK(with.value({kDeviceInformation, kSet, kModel}) == "Model");
    CHECK(with.value({provision::kPolicies, provision::kPolicy, provision::kPolicyType}) ==
          "MS-EAS-Provisioning-WBXML");
    const WbxmlElement without = read(provision_request("", "agent/1"));
    CHECK(without.find({kDeviceInformation}) == nullptr);
}

TEST_CASE("phase 2 acknowledges the key that came") {
    const WbxmlElement root = read(provision_acknowledgement("4711"));
    const WbxmlElement* policy = root.find({provision::kPolicies, provision::kPolicy});
    REQUIRE(policy != nullptr);
    REQUIRE(policy->children.size() ==
            3);  // [MS-ASPROV] 2.2.2.42: PolicyType, PolicyKey, Status in this order
    CHECK(policy->children[1].tag == provision::kPolicyKey);
    CHECK(policy->children[1].content == "4711");
    CHECK(policy->children[2].content == "1");
}

TEST_CASE("the first Sync of a folder asks for nothing, later ones for mail") {
    const WbxmlElement first = read(sync_request("0", "inbox"));
    const WbxmlElement* collection = first.find({airsync::kCollections, airsync::kCollection});
    REQUIRE(collection != nullptr);
    CHECK(collection->children.size() == 2);
    const WbxmlElement later = read(sync_request("1", "inbox"));
    CHECK(later.find({airsync::kCollections, airsync::kCollection, airsync::kGetChanges}) !=
          nullptr);
    CHECK(later.find({airsync::kCollections, airsync::kCollection, airsync::kOptions}) != nullptr);
}

TEST_CASE("Ping and SendMail carry what they are given") {
    const WbxmlElement held = read(ping_request(480, "inbox"));
    CHECK(held.value({ping::kHeartbeatInterval}) == "480");
    CHECK(held.value({ping::kFolders, ping::kFolder, ping::kId}) == "inbox");
    const std::string mime("To: a\r\n\r\n\0x", 11);
    const WbxmlElement mail = read(send_mail_request("id-1", mime));
    CHECK(mail.value({compose::kMime}) == mime);
    CHECK(mail.value({compose::kClientId}) == "id-1");
    CHECK(mail.find({compose::kSaveInSentItems}) != nullptr);
}

TEST_CASE("a plain query is percent-encoded") {
    PhoneQuery query{"SendMail", "CORP\\al ice@x", "DEV&1", "Type/ä", "14.1"};
    CHECK(plain_query(query) ==
          "Cmd=SendMail&User=CORP%5Cal%20ice%40x&DeviceId=DEV%261&DeviceType=Type%2F%C3%A4");
    query.save_in_sent = true;
    CHECK(plain_query(query).ends_with("&SaveInSent=T"));
}

TEST_CASE("a base64 query has the layout of [MS-ASHTTP] 2.2.1.1.1.1") {
    const PhoneQuery query{"FolderSync", "al", "v140Device", "SmartPhone", "14.0"};
    CHECK(base64_decode(base64_query(query)) ==
          std::string("\x8c\x09\x09\x04\x0av140Device\x00\x0aSmartPhone\x08\x02"
                      "al",
                      31));
    PhoneQuery with_key{"SendMail", "al", "D", "T", "12.1", 0x01020304};
    with_key.save_in_sent = true;
    CHECK(base64_decode(base64_query(with_key)) ==
          std::string("\x79\x01\x09\x04\x01"
                      "D\x04\x04\x03\x02\x01\x01T\x07\x01\x01\x08\x02"
                      "al",
                      20));
}

TEST_CASE("what a base64 query can't say gives none") {
    CHECK(base64_query({"Unknown", "al", "D", "T", "14.1"}).empty());
    CHECK(base64_query({"Ping", std::string(256, 'u'), "D", "T", "14.1"}).empty());
    CHECK(base64_query({"Ping", "al", std::string(256, 'd'), "T", "14.1"}).empty());
    CHECK(base64_query({"Ping", "al", "D", "T", "x"}).empty());
}

TEST_CASE("statuses are told in words where they have a general meaning") {
    CHECK(global_status_text("142") == "the device must provision first");
    CHECK(global_status_text("1").empty());
    CHECK(global_status_text("").empty());
}

// Binary XML as text for people, and back.
#include "proxy/commands/wbxml_text.h"

#include <filesystem>

#include <doctest/doctest.h>

#include "tests/support/judging.h"

using eg::commands::wbxml_to_xml;
using eg::commands::xml_to_wbxml;
using eg::test::from_hex;
namespace test = eg::test;

namespace {

const std::string kHead = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n";

std::string xml_of(std::string_view hex) {
    return wbxml_to_xml(from_hex(hex)).value_or("");
}

std::string problem_of(std::string_view xml) {
    const auto got = xml_to_wbxml(xml);
    return got ? "" : got.error();
}

}  // namespace

TEST_CASE("documents to XML and back, to the byte") {
    int count = 0;
    for (const auto& file : std::filesystem::directory_iterator(test::eas_data("wbxml"))) {
        CAPTURE(file.path().stem().string());
        const std::string document = from_hex(test::read_all(file.path()));
        const auto xml = wbxml_to_xml(document);
        REQUIRE(xml);
        CHECK(xml_to_wbxml(*xml) == document);
        ++count;
    }
    CHECK(count == 47);
}

TEST_CASE("what it looks like") {
    CHECK(xml_of("03016a000007564c0331343200010 1") ==
          kHead +
              "<FolderSync xmlns=\"FolderHierarchy:\">\n"
              "  <Status>142</Status>\n"
              "</FolderSync>\n");
    CHECK(xml_of("03016a00000e05") == kHead + "<Provision xmlns=\"Provision:\"/>\n");
    // Other namespaces are declared at the root, once.
    CHECK(xml_of("03016a0045 5d 0002 54 03 4869 00 01 13 0000 05 01 01") ==
          kHead +
              "<Sync xmlns=\"AirSync:\" xmlns:email=\"Email:\">\n"
              "  <ApplicationData>\n"
              "    <email:Subject>Hi</email:Subject>\n"
              "    <email:MessageClass/>\n"
              "    <Sync/>\n"
              "  </ApplicationData>\n"
              "</Sync>\n");
}

TEST_CASE("values that XML can't hold as they are") {
    struct Row {
        const char* hex;  // in <SendMail><Mime>
        const char* xml;
    };
    for (const Row& row : std::initializer_list<Row>{
             {"50 03 00 01", "<Mime content=\"text\"></Mime>"},
             {"50 01", "<Mime content=\"nothing\"/>"},
             {"10", "<Mime/>"},
             {"50 03 20 00 01", "<Mime> </Mime>"},
             {"50 03 3c263e00 01", "<Mime>&lt;&amp;&gt;</Mime>"},
             {"50 03 610d0a00 01", "<Mime>a&#13;\n</Mime>"},
             {"50 03 0700 01", "<Mime content=\"text-base64\">Bw==</Mime>"},
             {"50 c3 02 4869 01", "<Mime content=\"opaque\">Hi</Mime>"},
             {"50 c3 00 01", "<Mime content=\"opaque\"></Mime>"},
             {"50 c3 02 00ff 01", "<Mime content=\"opaque-base64\">AP8=</Mime>"},
             {"50 03 efbfbf00 01", "<Mime content=\"text-base64\">77+/</Mime>"}}) {
        CAPTURE(row.xml);
        const std::string document = from_hex(std::string("03016a00001545") + row.hex + "01");
        const auto xml = wbxml_to_xml(document);
        REQUIRE(xml);
        CHECK(xml->find(row.xml) != std::string::npos);
        CHECK(xml_to_wbxml(*xml) == document);
    }
}

TEST_CASE("XML as people write it") {
    const std::string wanted = from_hex("03016a00000756520330000101");
    for (const char* xml :
         {"<FolderSync xmlns='FolderHierarchy:'><SyncKey>0</SyncKey></FolderSync>",
          "<FolderSync xmlns='FolderHierarchy'>\n\t<SyncKey>0</SyncKey>\n</FolderSync>",
          "<f:FolderSync xmlns:f='FolderHierarchy:'><f:SyncKey>0</f:SyncKey></f:FolderSync>",
          "<a:FolderSync xmlns:a='FolderHierarchy'><b:SyncKey "
          "xmlns:b='FolderHierarchy'>0</b:SyncKey>"
          "</a:FolderSync>",
          "<FolderHierarchy:FolderSync><FolderHierarchy:SyncKey>0</FolderHierarchy:SyncKey>"
          "</FolderHierarchy:FolderSync>",
          "<!DOCTYPE FolderSync PUBLIC 'x' 'y'><FolderSync xmlns='FolderHierarchy'><!-- a key -->"
          "<SyncKey><![CDATA[0]]></SyncKey></FolderSync>"}) {
        CAPTURE(xml);
        CHECK(xml_to_wbxml(xml) == wanted);
    }
}

TEST_CASE("XML that is no document, and where") {
    CHECK(problem_of("") == "line 1: no element found");
    CHECK(problem_of("<FolderSync/>") ==
          "line 1: <FolderSync> has no namespace, as xmlns=\"AirSync:\"");
    CHECK(problem_of("<Sync xmlns='AirSync:'>\n<Subject/></Sync>") ==
          "line 2: <Subject>: no such element in the namespace 'AirSync:'");
    CHECK(problem_of("<Sync xmlns='AirSync:' a='b'/>") ==
          "line 1: the attribute 'a': ActiveSync has none");
    CHECK(problem_of("<Sync xmlns='AirSync:'>a<Add/></Sync>") ==
          "line 1: an element with both a value and children");
    CHECK(problem_of("<Sync xmlns='AirSync:'><Add/>a</Sync>") ==
          "line 1: an element with both a value and children");
    CHECK(problem_of("<Sync xmlns='AirSync:' content='opaque-base64'>?</Sync>") ==
          "line 1: what isn't base64");
    CHECK(problem_of("<Sync xmlns='AirSync:' content='text-base64'>AA==</Sync>") ==
          "line 1: a text that isn't UTF-8, or with a NUL byte");
    CHECK(
        problem_of("<Sync xmlns='AirSync:' content='x'>a</Sync>").starts_with("line 1: content="));
    CHECK(problem_of("<!DOCTYPE a [<!ENTITY b 'c'>]><Sync xmlns='AirSync:'>&b;</Sync>") ==
          "line 1: a document type with declarations of its own");
    std::string deep = "<Sync xmlns='AirSync:'>";
    for (int i = 0; i < 16; ++i) {
        deep += "<Sync>";
    }
    CHECK(problem_of(deep) == "line 1: elements are nested too deep");
}

TEST_CASE("what isn't a document is told by its byte") {
    CHECK(wbxml_to_xml("").error() == "byte 0: the document is cut off");
    CHECK(wbxml_to_xml(from_hex("03016a0000077f01")).error() ==
          "byte 6: a tag that its code page doesn't have");
    CHECK(wbxml_to_xml("<Sync/>").error().starts_with("byte 0: it doesn't begin with 03 01 6A 00"));
    for (const auto& row : test::read_tsv("wbxml_invalid.tsv")) {
        CAPTURE(row.at(0));
        CHECK(wbxml_to_xml(from_hex(row.at(1))).has_value() ==
              (row.at(0) == "x25_root_wrong_for_cmd"));
    }
}

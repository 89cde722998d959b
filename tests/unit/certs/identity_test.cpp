#include "certs/identity.h"

#include <sys/stat.h>

#include <algorithm>
#include <string>

#include <doctest/doctest.h>
#include <openssl/pem.h>

#include "tests/unit/certs/maker.h"

namespace {

using namespace eg::certs;

bool mentions(const std::string& text, std::string_view part) {
    CAPTURE(text);
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a certificate and its key load from PEM, RSA and ECDSA, with the chain in its order") {
    const Folder folder;
    for (const Kind kind : {Kind::rsa, Kind::ecdsa}) {
        const Made root = make({.name = "root", .authority = true, .kind = kind});
        const Made middle = make({.name = "middle", .authority = true, .kind = kind}, &root);
        const Made leaf = make({.name = "leaf", .kind = kind}, &middle);
        const auto certificate = folder.write("c.pem", leaf.pem() + middle.pem() + root.pem());
        const auto key = folder.write("k.pem", leaf.key_pem(), 0600);
        const auto loaded = load_pem(certificate, key);
        REQUIRE_MESSAGE(loaded.has_value(), loaded.error());
        CHECK(X509_cmp(loaded->leaf.get(), leaf.certificate.get()) == 0);
        REQUIRE(loaded->chain.size() == 2);
        CHECK(X509_cmp(loaded->chain[0].get(), middle.certificate.get()) == 0);
        CHECK(EVP_PKEY_eq(loaded->key.get(), leaf.key.get()) == 1);
    }
}

TEST_CASE("certificate and key may share one file, which is then a secret") {
    const Folder folder;
    const Made leaf = make({.name = "leaf"});
    const auto both = folder.write("both.pem", leaf.key_pem() + leaf.pem(), 0640);
    CHECK(load_pem(both, both).has_value());
    chmod(both.c_str(), 0644);
    CHECK(mentions(load_pem(both, both).error(), "lets everybody in"));
}

TEST_CASE("what is wrong with PEM files is said with the file's name") {
    const Folder folder;
    const Made one = make({.name = "one"});
    const Made other = make({.name = "other"});
    const auto certificate = folder.write("c.pem", one.pem());
    const auto key = folder.write("k.pem", one.key_pem(), 0600);
    const auto wrong = folder.write("wrong.pem", other.key_pem(), 0600);
    const auto readable = folder.write("readable.pem", one.key_pem(), 0604);
    const auto garbage = folder.write("garbage.pem", "no certificate at all\n", 0600);
    const auto cut = folder.write("cut.pem", one.pem() + one.pem().substr(0, 200));
    const auto bent = folder.write("bent.pem",
                                   "-----BEGIN CERTIFICATE-----\nAAAA\n"
                                   "-----END CERTIFICATE-----\n");
    const auto odd = folder.write("odd.pem", "-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----\n");
    const auto locked = folder.write("locked.pem", one.key_pem("hunter2"), 0600);

    CHECK(load_pem(certificate, key).has_value());
    CHECK(mentions(load_pem(certificate, wrong).error(), "doesn't belong"));
    CHECK(mentions(load_pem(certificate, readable).error(), "0604"));
    CHECK(mentions(load_pem(certificate, garbage).error(), "no private key"));
    CHECK(mentions(load_pem(garbage, key).error(), "no certificate"));
    CHECK(mentions(load_pem(cut, key).error(), "damaged or cut off"));
    CHECK(mentions(load_pem(bent, key).error(), "can't be parsed"));
    CHECK(mentions(load_pem(odd, key).error(), "PKCS7"));
    CHECK(mentions(load_pem(certificate, locked).error(), "encrypted"));
    CHECK(mentions(load_pem(folder.path("none.pem"), key).error(), "No such file"));
    CHECK(mentions(load_pem(folder.path(""), key).error(), "no regular file"));
    CHECK(mentions(load_pem(certificate, wrong).error(), "wrong.pem"));
}

TEST_CASE("PKCS#12 loads with and without a password, from a file or inline") {
    const Folder folder;
    const Made root = make({.name = "root", .authority = true});
    const Made leaf = make({.name = "leaf"}, &root);
    const auto open = folder.write("open.p12", leaf.pkcs12("", &root), 0600);
    const auto locked = folder.write("locked.p12", leaf.pkcs12("hunter2", &root), 0600);
    const auto password = folder.write("password", "hunter2\n", 0600);
    const auto wrong = folder.write("wrong", "hunter3\n", 0600);
    const auto shared = folder.write("shared", "hunter2\n", 0644);

    const auto loaded = load_pkcs12(locked, password);
    REQUIRE_MESSAGE(loaded.has_value(), loaded.error());
    CHECK(X509_cmp(loaded->leaf.get(), leaf.certificate.get()) == 0);
    CHECK(loaded->chain.size() == 1);
    CHECK(load_pkcs12(open, "").has_value());
    CHECK(load_pkcs12(locked, "", eg::Secret("hunter2")).has_value());
    CHECK(mentions(load_pkcs12(locked, wrong).error(), "password"));
    CHECK_FALSE(mentions(load_pkcs12(locked, wrong).error(), "hunter"));
    CHECK(mentions(load_pkcs12(locked, "").error(), "password"));
    CHECK(mentions(load_pkcs12(locked, shared).error(), "lets everybody in"));
    CHECK(mentions(load_pkcs12(folder.write("junk.p12", "junk", 0600), "").error(), "no PKCS#12"));
    const auto public_box = folder.write("public.p12", leaf.pkcs12("hunter2", &root), 0644);
    CHECK(mentions(load_pkcs12(public_box, password).error(), "lets everybody in"));
}

TEST_CASE("authorities verify what they signed and nothing else") {
    const Folder folder;
    const Made root = make({.name = "root", .authority = true});
    const Made stranger = make({.name = "stranger", .authority = true});
    const Made leaf = make({.name = "leaf"}, &root);
    const auto store = load_authorities(folder.write("ca.pem", root.pem()), "");
    REQUIRE_MESSAGE(store.has_value(), store.error());
    CHECK(verify(store->get(), leaf) == X509_V_OK);
    CHECK(verify(store->get(), make({.name = "leaf"}, &stranger)) != X509_V_OK);
    const auto both = load_authorities(folder.write("both.pem", stranger.pem() + root.pem()), "");
    CHECK(verify(both->get(), leaf) == X509_V_OK);
    CHECK(mentions(load_authorities(folder.write("empty.pem", ""), "").error(), "no certificate"));
    const auto half = folder.write("half.pem", root.pem() + stranger.pem().substr(0, 300));
    CHECK(mentions(load_authorities(half, "").error(), "damaged"));
}

TEST_CASE("revocation lists refuse what is revoked, what is unlisted, and what is out of date") {
    const Folder folder;
    const Made root = make({.name = "root", .authority = true});
    const Made stranger = make({.name = "stranger", .authority = true});
    const Made good = make({.name = "good", .serial = 5}, &root);
    const Made bad = make({.name = "bad", .serial = 6}, &root);
    const auto ca = folder.write("ca.pem", root.pem() + stranger.pem());
    const auto crl = folder.write("crl.pem", root.crl_pem({6}, 10));
    const auto store = load_authorities(ca, crl);
    REQUIRE_MESSAGE(store.has_value(), store.error());
    CHECK(verify(store->get(), good) == X509_V_OK);
    CHECK(verify(store->get(), bad) == X509_V_ERR_CERT_REVOKED);
    CHECK(verify(store->get(), make({.name = "else"}, &stranger)) == X509_V_ERR_UNABLE_TO_GET_CRL);
    CHECK(revocation_days_left(crl).value() == 10);

    const auto old = folder.write("old.pem", root.crl_pem({6}, -1));
    CHECK(verify(load_authorities(ca, old)->get(), good) == X509_V_ERR_CRL_HAS_EXPIRED);
    CHECK(revocation_days_left(old).value() < 0);
    CHECK(mentions(load_authorities(ca, folder.write("no.crl", "none")).error(),
                   "no revocation list"));
    CHECK(mentions(load_authorities(ca, folder.write("c.crl", root.pem())).error(), "CERTIFICATE"));
    CHECK(mentions(
        load_authorities(ca, folder.write("h.crl", root.crl_pem({}, 9).substr(0, 150))).error(),
        "damaged"));
}

TEST_CASE("mail addresses of a certificate: both places, nothing that could be read in two ways") {
    using Addresses = std::vector<std::string>;
    bool odd = true;
    const auto of = [&](const Recipe& recipe) {
        const Made made = make(recipe);
        return mail_addresses(made.certificate.get(), odd);
    };
    CHECK(of({.name = "nobody"}).empty());
    CHECK_FALSE(odd);
    CHECK(of({.name = "a",
              .mail_in_subject = "old@x.example",
              .mail = {"a@x.example", "b@x.example"}}) ==
          Addresses{"a@x.example", "b@x.example", "old@x.example"});
    CHECK_FALSE(odd);
    CHECK(of({.name = "n", .mail = {std::string("a@x.example\0@y.example", 22), "b@x.example"}}) ==
          Addresses{"b@x.example"});
    CHECK(odd);
    CHECK(of({.name = "n", .mail_in_subject = "a@x.example\n"}).empty());
    CHECK(odd);
    CHECK(of({.name = "u", .utf8_mail = "jörg@x.example"}) == Addresses{"jörg@x.example"});
    CHECK_FALSE(odd);
    CHECK(of({.name = "broken", .broken_alternative_name = true}).empty());
    CHECK(odd);
}

TEST_CASE("hashes, days and subject") {
    const Made made = make({.name = "leaf", .days = 30});
    const Made renewed = make({.name = "leaf", .days = 60, .reuse = &made});
    CHECK(certificate_hash(made.certificate.get()).size() == 32);
    CHECK(certificate_hash(made.certificate.get()) != certificate_hash(renewed.certificate.get()));
    CHECK(public_key_hash(made.certificate.get()) == public_key_hash(renewed.certificate.get()));
    CHECK(days_left(made.certificate.get()) == 30);
    CHECK(days_left(make({.name = "old", .days = -1}).certificate.get()) < 0);
    CHECK(subject(made.certificate.get()) == "CN=leaf");
}

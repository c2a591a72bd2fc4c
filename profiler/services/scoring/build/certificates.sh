# Sourced: trust the certificates that came along, where PROFILER_CA_BUNDLE named some.
ca=$(dirname "$0")/../certificates/ca.crt
if [ -f "$ca" ]; then
    export PIP_CERT="$ca" SSL_CERT_FILE="$ca"
fi

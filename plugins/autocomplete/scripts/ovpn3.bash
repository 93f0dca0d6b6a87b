# Completion of ovpn3 for bash.
# To install it: ovpn3 autocomplete --install bash
# For this shell only: . <(ovpn3 autocomplete bash)

_ovpn3() {
    mapfile -t COMPREPLY < <(
        command ovpn3 --complete bash "$COMP_TYPE" "${COLUMNS:-80}" "$COMP_LINE" "$COMP_POINT" "$2" \
            "${COMP_WORDS[@]:0:COMP_CWORD+1}" 2>/dev/null </dev/null
    )
    # what ends so is not complete
    [[ ${COMPREPLY[0]-} != *[=/] ]] || compopt -o nospace
}
complete -F _ovpn3 ovpn3

export const controls = {
};
